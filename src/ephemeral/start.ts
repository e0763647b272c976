// The entry of the package: starts an ephemeral service for tests, with its own PostgreSQL and data that
// are deleted at the end.
import { pino } from 'pino'
import type { BootstrapClient } from '../config/bootstrap-clients.ts'
import { readGivenConfig } from '../config/config.ts'
import { startServer } from '../server.ts'
import { deleteAllInteractions, storeSamples } from './stored-samples.ts'
import { makeTemporaryDirectory } from './temporary-directory.ts'

/** Credentials of a client at the token endpoint. */
export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

export interface StartOptions {
  /**
   * Settings by their names in `.env.example`, such as `{ TOKEN_TTL_SECONDS: '5' }`. The defaults of PORT, LOG_LEVEL
   * and AUDIT_LOG are 0 (any free port), `warn` and `off`. DATABASE_URL, DATA_DIR and BOOTSTRAP_CLIENTS have no effect. The environment is
   * not read.
   */
  readonly settings?: Readonly<Record<string, string | undefined>>
}

export interface SeedOptions {
  /** The organization of the interactions; `demo-organization` by default. */
  readonly organizationId?: string
  /** Number of interactions; 100 by default. */
  readonly count?: number
  /** The same seed gives the same interactions; 1 by default. */
  readonly seed?: number
  /** End of the 30 days in which the interactions are created; now by default. */
  readonly until?: Date
}

export interface InteractionApi {
  /** For example `http://127.0.0.1:40123`; no slash at the end. */
  readonly baseUrl: string
  /** The same at each start; valid for this server only. */
  readonly credentials: {
    /** An AGENT of the organization `demo-organization`. */
    readonly agent: Credentials
    /** An AGENT of the organization `other-organization`. */
    readonly otherAgent: Credentials
    /** A client with the role SERVICE, which sees all organizations. */
    readonly service: Credentials
  }
  /** Folder of the data. Commands with this DATA_DIR use the same database. */
  readonly dataDirectory: string
  /** Stores realistic interactions directly in the database. @returns the number that did not exist before */
  seed(options?: SeedOptions): Promise<number>
  /** Deletes all interactions. Clients and tokens stay valid. */
  reset(): Promise<void>
  /** Finishes running requests, closes the service and deletes its data. Idempotent. */
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

// The data need not survive a power failure.
const postgresSettings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/**
 * Starts an ephemeral service in this process; it accepts requests when the promise resolves. Its data are deleted by
 * `stop`, or when the process ends, however it ends. Several services can run side by side.
 * @throws Error that names each wrong setting and each name that is no setting, or says why PostgreSQL does not start
 */
export async function startInteractionApi({ settings = {} }: StartOptions = {}): Promise<InteractionApi> {
  const overriding = { DATABASE_URL: undefined, BOOTSTRAP_CLIENTS: JSON.stringify(Object.values(clients)) }
  const defaults = { PORT: '0', LOG_LEVEL: 'warn', AUDIT_LOG: 'off' }
  const config = readGivenConfig({ ...defaults, ...withoutEmpty(settings), ...overriding })
  const directory = await makeTemporaryDirectory()
  const log = pino({ level: config.logLevel }, pino.destination(2))
  const server = await startServer({ ...config, dataDirectory: directory.path }, log, {
    postgresSettings,
  }).catch(async (error: unknown) => {
    await directory.remove()
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
    dataDirectory: directory.path,
    seed: ({
      organizationId = clients.agent.organizationId,
      count = 100,
      seed = 1,
      until = new Date(),
    } = {}) => storeSamples(kysely, { organizationId, count, seed, until }),
    reset: () => deleteAllInteractions(kysely),
    stop() {
      stopped ??= server.close().finally(() => directory.remove())
      return stopped
    },
  }
}

function credentialsOf({ clientId, clientSecret }: Credentials): Credentials {
  return { clientId, clientSecret }
}

/** Removes empty settings: they count as not set, so defaults apply. */
function withoutEmpty(settings: Readonly<Record<string, string | undefined>>) {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value?.trim()))
}
