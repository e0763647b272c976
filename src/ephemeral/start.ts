// A local twin for tests: the service from code, with a PostgreSQL of its own and data that vanish. What a program that
// imports `interaction-api` gets.
import { pino } from 'pino'
import type { BootstrapClient } from '../config/bootstrap-clients.ts'
import { readConfig } from '../config/config.ts'
import { startServer } from '../server.ts'
import { deleteAllInteractions, storeSamples } from './stored-samples.ts'
import { makeVanishingFolder } from './temporary-directory.ts'

/** What a client shows at the token endpoint. */
export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

export interface StartOptions {
  /**
   * Settings by the names that `.env.example` tells, such as `{ TOKEN_TTL_SECONDS: '5' }`. PORT is 0 by default, any
   * free one, and LOG_LEVEL is `warn`. DATABASE_URL, DATA_DIR and BOOTSTRAP_CLIENTS have no effect. The environment is
   * not read.
   */
  readonly settings?: Readonly<Record<string, string | undefined>>
}

export interface SeedOptions {
  /** whose interactions; `demo-organization` by default */
  readonly organizationId?: string
  /** how many; 100 by default */
  readonly count?: number
  /** which ones: the same seed gives the same ones; 1 by default */
  readonly seed?: number
  /** they are created in the 30 days before this moment; now by default */
  readonly until?: Date
}

export interface InteractionApi {
  /** such as `http://127.0.0.1:40123`, without a slash at the end */
  readonly baseUrl: string
  /** The same at each start; they are good for nothing but this server. */
  readonly credentials: {
    /** an AGENT of the organization `demo-organization` */
    readonly agent: Credentials
    /** an AGENT of the organization `other-organization` */
    readonly otherAgent: Credentials
    /** of the SERVICE role, which sees all organizations */
    readonly service: Credentials
  }
  /** where its data are; as DATA_DIR it lets commands work beside it */
  readonly dataDirectory: string
  /** Stores plausible interactions, past the API. @returns how many were not there before */
  seed(options?: SeedOptions): Promise<number>
  /** Deletes all interactions. Clients stay, and so do tokens. */
  reset(): Promise<void>
  /** Finishes the running requests, closes everything, and deletes the data. Idempotent. */
  stop(): Promise<void>
}

const clients = {
  agent: {
    clientId: 'demo-agent',
    clientSecret: 'demo-agent-secret',
    role: 'AGENT',
    organizationId: 'demo-organization',
  },
  otherAgent: {
    clientId: 'other-agent',
    clientSecret: 'other-agent-secret',
    role: 'AGENT',
    organizationId: 'other-organization',
  },
  service: { clientId: 'demo-service', clientSecret: 'demo-service-secret', role: 'SERVICE' },
} as const satisfies Record<string, BootstrapClient>

/** These data need not survive a power cut. */
const postgresSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/**
 * Starts one, in this process, that is ready when this resolves. Its data vanish with `stop`, and also when the
 * process ends without it, however that happens. Several run side by side.
 * @throws Error that names each wrong setting, or tells why PostgreSQL does not start
 */
export async function startInteractionApi({ settings = {} }: StartOptions = {}): Promise<InteractionApi> {
  const overriding = { DATABASE_URL: undefined, BOOTSTRAP_CLIENTS: JSON.stringify(Object.values(clients)) }
  const defaults = { PORT: '0', LOG_LEVEL: 'warn' }
  const config = readConfig({ ...defaults, ...withoutEmpty(settings), ...overriding })
  const folder = await makeVanishingFolder()
  const log = pino({ level: config.logLevel }, pino.destination(2))
  const server = await startServer({ ...config, dataDirectory: folder.path }, log, {
    postgresSettings,
  }).catch(async (error: unknown) => {
    await folder.remove()
    throw error
  })
  const { kysely } = server.database
  let stopped: Promise<void> | undefined
  return {
    baseUrl: server.baseUrl,
    credentials: {
      agent: credentialsOf(clients.agent),
      otherAgent: credentialsOf(clients.otherAgent),
      service: credentialsOf(clients.service),
    },
    dataDirectory: folder.path,
    seed: ({
      organizationId = clients.agent.organizationId,
      count = 100,
      seed = 1,
      until = new Date(),
    } = {}) => storeSamples(kysely, { organizationId, count, seed, until }),
    reset: () => deleteAllInteractions(kysely),
    stop() {
      stopped ??= server.close().finally(() => folder.remove())
      return stopped
    },
  }
}

function credentialsOf({ clientId, clientSecret }: Credentials): Credentials {
  return { clientId, clientSecret }
}

/** An empty setting counts as not set, and so does not take the place of a default. */
function withoutEmpty(settings: Readonly<Record<string, string | undefined>>) {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value?.trim()))
}
