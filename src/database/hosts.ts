// Chooses the host of a new connection from the list in the URL, as libpq does with target_session_attrs.
import { Client, type ClientConfig } from 'pg'
import { explainTlsFailure, tlsOptions } from '../config/database-tls.ts'
import { type DatabaseLocation, readDatabaseUrl, type SessionTarget } from '../config/database-url.ts'
import { databaseFailure, NoHostError } from './sqlstate.ts'

/** What a server is at one moment. */
interface Role {
  readonly isStandby: boolean
  readonly isReadOnly: boolean
}

const isWanted: Readonly<Record<SessionTarget, (role: Role) => boolean>> = {
  any: () => true,
  'read-write': ({ isReadOnly }) => !isReadOnly,
  'read-only': ({ isReadOnly }) => isReadOnly,
  primary: ({ isStandby }) => !isStandby,
  standby: ({ isStandby }) => isStandby,
  'prefer-standby': ({ isStandby }) => isStandby,
}

type ConnectCallback = (error?: Error) => void

/** Where a client connects to, with TLS or without. */
type Place = Pick<Client, 'host' | 'port' | 'ssl'>

/**
 * Returns how to connect to the database: the configuration and the class of the clients. With several hosts, or a wanted
 * kind of session, a client looks for its host with a connection of its own first: one of pg connects once.
 * @param connectTimeoutMs how long to look for a host, in milliseconds, in equal parts for each
 * @throws Error for the operator when a file that the URL names cannot be used
 */
export function connectorOf(
  url: string,
  connectTimeoutMs: number,
): { readonly config: ClientConfig; readonly Client: typeof Client } {
  const location = readDatabaseUrl(url)
  const configs = clientConfigs(location)
  const isAnyHost = configs.length === 1 && location.target === 'any'
  const find = isAnyHost ? undefined : prepareFind(configs, location.target, connectTimeoutMs)
  class HostClient extends TolerantClient {
    override connect(): Promise<Client>
    override connect(callback: ConnectCallback): undefined
    override connect(callback?: ConnectCallback): Promise<Client> | undefined {
      const connecting = this.#connect()
      if (callback === undefined) return connecting
      connecting.then(() => callback(), callback)
    }

    async #connect(): Promise<Client> {
      if (find !== undefined) moveTo(this, await find())
      return await super.connect().catch((error: unknown) => {
        throw explainTlsFailure(error, this)
      })
    }
  }
  return { config: configs[0] ?? {}, Client: HostClient }
}

/** A client whose statements fail when its connection is lost, and nothing else: the event would end the process. */
export class TolerantClient extends Client {
  constructor(settings?: string | ClientConfig) {
    super(settings)
    this.on('error', () => {})
  }
}

/** Gives a client that has not connected yet another host. */
export function moveTo(client: Client, { host, port, ssl }: Place): void {
  Object.assign(client, { host, port, ssl })
  Object.assign(client.connection, { ssl })
}

/** Returns the configuration of a client for each host. There is no TLS on a socket of this machine. */
function clientConfigs(location: DatabaseLocation): ClientConfig[] {
  const { hosts, user, password, database, applicationName, tls } = location
  const ssl = tls && tlsOptions(tls)
  return hosts.map(({ host, port }) => ({
    ...{ host, port, user, password, database },
    ...(applicationName !== undefined && { application_name: applicationName }),
    ...(ssl !== undefined && { ssl: host?.startsWith('/') ? false : ssl }),
  }))
}

/**
 * Returns a function that finds a host whose sessions are wanted. It tries the host that was found last first, then the
 * others in turn. Calls at the same time look together.
 * @returns a function that rejects with NoHostError when no host is reached or wanted, and with the error of a host that
 *   refuses the login
 */
function prepareFind(
  hosts: readonly ClientConfig[],
  target: SessionTarget,
  connectTimeoutMs: number,
): () => Promise<Place> {
  let last = hosts[0]
  let finding: Promise<Place> | undefined

  async function find(): Promise<Place> {
    const deadline = performance.now() + connectTimeoutMs
    const refusals: string[] = []
    let second: Place | undefined
    const inTurn = [...hosts].sort((a, b) => Number(b === last) - Number(a === last))
    for (const [index, config] of inTurn.entries()) {
      // one part is left for the connection to the host
      const timeoutMs = (deadline - performance.now()) / (hosts.length - index + 1)
      const { place, role } = await readRole(config, timeoutMs)
      const name = `${place.host}:${place.port}`
      if (role instanceof Error) refusals.push(`${name}: ${role.message}`)
      else if (isWanted[target](role)) {
        last = config
        return place
      } else {
        refusals.push(`${name} is ${describe(role)}`)
        second ??= place
      }
    }
    if (target === 'prefer-standby' && second !== undefined) return second
    throw new NoHostError(`no host for target_session_attrs=${target}: ${refusals.join(', ')}`)
  }

  return () => {
    finding ??= find().finally(() => {
      finding = undefined
    })
    return finding
  }
}

/** Asks a host what it is. @returns an Error instead when the host cannot be reached */
async function readRole(
  config: ClientConfig,
  timeoutMs: number,
): Promise<{ readonly place: Place; readonly role: Role | Error }> {
  const limitMs = Math.max(1, Math.ceil(timeoutMs))
  const place = new TolerantClient({ ...config, connectionTimeoutMillis: limitMs, query_timeout: limitMs })
  try {
    await place.connect()
    const { rows } = await place.query<Role>(`
      select pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "isReadOnly"`)
    const [role] = rows
    return { place, role: role ?? new Error('no answer') }
  } catch (error) {
    if (databaseFailure(error) !== 'unavailable' || !(error instanceof Error))
      throw explainTlsFailure(error, place)
    return { place, role: error }
  } finally {
    place.connection.stream.destroy()
  }
}

function describe({ isStandby, isReadOnly }: Role): string {
  if (isStandby) return 'a standby'
  return isReadOnly ? 'read-only' : 'a primary'
}
