// Chooses the host of a new connection from the list in the URL, as libpq does with target_session_attrs.
import { Client } from 'pg'
import { type DatabaseHosts, readHosts, type SessionTarget } from '../config/database-url.ts'
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

/** Where a client connects to. */
type Place = Pick<Client, 'host' | 'port'>

/**
 * Returns how to connect to the database: the URL of its first host, and the class of the clients. With several hosts, or
 * a wanted kind of session, a client looks for its host with a connection of its own first: one of pg connects once.
 * @param connectTimeoutMs how long to look for a host, in milliseconds, in equal parts for each
 * @throws Error for the operator when the parameters of the URL cannot be used, such as a file that is missing
 */
export function connectorOf(
  url: string,
  connectTimeoutMs: number,
): { readonly url: string; readonly Client: typeof Client } {
  const hosts = readHosts(url)
  const [first = url] = hosts.urls
  checkParameters(first)
  if (hosts.urls.length === 1 && hosts.target === 'any') return { url: first, Client }
  const find = prepareFind(hosts, connectTimeoutMs)
  class FindingClient extends Client {
    override connect(): Promise<Client>
    override connect(callback: ConnectCallback): undefined
    override connect(callback?: ConnectCallback): Promise<Client> | undefined {
      const connecting = find().then((place) => {
        Object.assign(this, place)
        return super.connect()
      })
      if (callback === undefined) return connecting
      connecting.then(() => callback(), callback)
    }
  }
  return { url: first, Client: FindingClient }
}

/** pg reads parameters, and the files that they name, when a client is made. */
function checkParameters(url: string): void {
  try {
    new Client(url)
  } catch (cause) {
    throw new Error('DATABASE_URL: its parameters cannot be used', { cause })
  }
}

/**
 * Returns a function that finds a host whose sessions are wanted. It tries the host that was found last first, then the
 * others in turn. Calls at the same time look together.
 * @returns a function that rejects with NoHostError when no host is reached or wanted, and with the error of a host that
 *   refuses the login
 */
function prepareFind({ urls, target }: DatabaseHosts, connectTimeoutMs: number): () => Promise<Place> {
  let last = urls[0]
  let finding: Promise<Place> | undefined

  async function find(): Promise<Place> {
    const deadline = performance.now() + connectTimeoutMs
    const refusals: string[] = []
    let second: Place | undefined
    const inTurn = [...urls].sort((a, b) => Number(b === last) - Number(a === last))
    for (const [index, url] of inTurn.entries()) {
      // one part is left for the connection to the host
      const timeoutMs = (deadline - performance.now()) / (urls.length - index + 1)
      const { host, port, role } = await readRole(url, timeoutMs)
      if (role instanceof Error) refusals.push(`${host}:${port}: ${role.message}`)
      else if (isWanted[target](role)) {
        last = url
        return { host, port }
      } else {
        refusals.push(`${host}:${port} is ${describe(role)}`)
        second ??= { host, port }
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
async function readRole(url: string, timeoutMs: number): Promise<Place & { role: Role | Error }> {
  const limitMs = Math.max(1, Math.ceil(timeoutMs))
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
  })
  client.on('error', () => {})
  const { host, port } = client
  try {
    await client.connect()
    const { rows } = await client.query<Role>(`
      select pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "isReadOnly"`)
    const [role] = rows
    return { host, port, role: role ?? new Error('no answer') }
  } catch (error) {
    if (databaseFailure(error) !== 'unavailable' || !(error instanceof Error)) throw error
    return { host, port, role: error }
  } finally {
    client.connection.stream.destroy()
  }
}

function describe({ isStandby, isReadOnly }: Role): string {
  if (isStandby) return 'a standby'
  return isReadOnly ? 'read-only' : 'a primary'
}
