// A proxy in front of PostgreSQL with the limits of Citus: it refuses what Citus cannot plan for a distributed table, and
// reports duplicates and lost machines as Citus does.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { errorResponse, messages, readStatement, typeOf } from './postgres-messages.ts'

export interface CitusLimits {
  /** URL of PostgreSQL through the proxy */
  readonly url: string
  /** the statements that were sent to be parsed or run */
  readonly statements: string[]
  /** those that were refused */
  readonly refused: string[]
  /** those that failed because of a lost machine */
  readonly lost: readonly string[]
  /**
   * From now on, statements that match fail because of a machine that is lost.
   * @param way whether it is lost while the statement runs there, which is the default, or has been before
   * @returns a function that ends it
   */
  loseMachine(pattern: RegExp, way?: MachineLoss): () => void
  close(): Promise<void>
}

/** What Citus 13 does not do with a table that is on several machines. */
const limits = [/\bfor\s+(no\s+key\s+)?update\b/, /\bskip\s+locked\b/, /\blateral\b/, /\bgrouping\s+sets\b/]

const isDefinition = (text: string) => /^(\s|--.*)*(create|alter|drop|comment)\b/i.test(text)
const isLimited = (text: string) =>
  /\binteractions\b/.test(text) && !isDefinition(text) && limits.some((limit) => limit.test(text))

/** The errors that Citus reports when it loses the connection to a machine in a transaction, and when it gets none. */
const machineLosses = {
  lost_machine: errorResponse('XX000', 'failure on connection marked as essential: 10.0.0.2:5432'),
  unreachable_machine: errorResponse(
    '08006',
    'connection to the remote node api@10.0.0.2:5432 failed with the following error: Connection refused',
  ),
}
export type MachineLoss = keyof typeof machineLosses

/** Starts the proxy. @param targetUrl URL of PostgreSQL */
export async function limitAsCitus(targetUrl: string): Promise<CitusLimits> {
  const target = new URL(targetUrl)
  const statements: string[] = []
  const refused: string[] = []
  const sockets = new Set<Socket>()
  const lost: string[] = []
  let pattern: RegExp | undefined
  let loss: MachineLoss = 'lost_machine'

  /** Returns a function that replaces statements by such that fail with the error of `toClient`. */
  const limit = () => {
    const prepared = new Map<string, string>()
    return (given: Buffer) => {
      // in a statement, or in the settings of a new session
      if (given.includes('force_generic_plan')) refused.push('plan_cache_mode = force_generic_plan')
      const statement = readStatement(given)
      if (statement === undefined) return given
      const { type, name } = statement
      const text = type === 'bind' ? (prepared.get(name) ?? '') : statement.text
      if (type === 'parse') prepared.set(name, text)
      if (type !== 'bind') statements.push(text)
      if (pattern?.test(text)) {
        lost.push(text)
        return statement.replace(loss)
      }
      if (type === 'bind' || !isLimited(text)) return given
      refused.push(text)
      return statement.replace('not_distributed')
    }
  }
  const toClient = (given: Buffer) => {
    if (typeOf(given) !== 'E') return given
    for (const [name, error] of Object.entries(machineLosses)) if (given.includes(`"${name}"`)) return error
    if (given.includes('"not_distributed"'))
      return errorResponse('0A000', 'could not create distributed plan')
    const isDuplicate = given.includes('C23505\0') && given.includes('interactions_pkey')
    return isDuplicate
      ? Buffer.from(given.toString('latin1').replace('C23505\0', 'CXX000\0'), 'latin1')
      : given
  }
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    forward(client, upstream, messages({ startsUntyped: true }), limit())
    forward(upstream, client, messages({ startsUntyped: false }), toClient)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: Object.assign(new URL(target), { host: `127.0.0.1:${port}` }).href,
    statements,
    refused,
    lost,
    loseMachine(given, way = 'lost_machine') {
      pattern = given
      loss = way
      return () => {
        pattern = undefined
      }
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function forward(
  from: Socket,
  to: Socket,
  split: (chunk: Buffer) => Iterable<Buffer>,
  change: (message: Buffer) => Buffer,
): void {
  // otherwise each message waits until the previous one is acknowledged
  from.setNoDelay()
  from.on('data', (chunk) => {
    for (const message of split(chunk)) to.write(change(message))
  })
  from.on('error', () => {}).on('close', () => to.destroy())
}
