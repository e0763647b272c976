// Many different invalid tokens do not increase the memory of the server. FAULTS_TOKENS sets their number.
import { once, setMaxListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { dataDirectory, serve } from '../process/support/caller.ts'
import { signingKeyPem } from '../support/keys.ts'
import { signToken } from '../support/tokens.ts'
import { isFull } from './support/amount.ts'

const tokens = Number(process.env.FAULTS_TOKENS ?? (isFull ? 1_000_000 : 30_000))
/** Tokens that warm up the server: garbage collection lets its memory grow at first. */
const warmup = 20_000
const total = warmup + tokens
const connections = 16
const perBatch = 50
const agent = { sub: 'agent-1', organization: 'acme', authorities: ['AGENT'] }

const [header = '', payload = '', signature = ''] = signToken(agent).split('.')
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Returns the n-th bad token. All differ, and each kind is rejected by another check. */
function badToken(n: number): string {
  const other = encode({ ...agent, jti: n, iss: 'http://localhost:8080', aud: 'interaction-api', exp: 1e10 })
  switch (n % 6) {
    case 0:
      return `garbage-${n}`
    case 1:
      return `${header}.${other}.${signature}`
    case 2:
      return `${encode({ alg: 'none', n })}.${payload}.`
    case 3:
      return `${encode({ alg: 'RS256', kid: `key-${n}` })}.${other}.${signature}`
    case 4:
      return `${header}.${payload}.${n}${signature.slice(String(n).length)}`
    default:
      return `${header}.${other}${'x'.repeat(4000)}.${signature}`
  }
}

test(`the server does not use more memory after ${tokens} bad tokens`, async () => {
  const service = await serve({
    DATA_DIR: await dataDirectory(),
    JWT_PRIVATE_KEY: signingKeyPem,
    // Little more than it needs: the server would crash if it kept something of each token.
    NODE_OPTIONS: '--max-old-space-size=56',
  })
  const port = Number(new URL(service.baseUrl).port)
  const ended = new AbortController()
  setMaxListeners(connections, ended.signal)
  service.process.once('exit', (code) => ended.abort(new Error(`the server ended with ${code}`)))
  const valid = Array.from({ length: 3000 }, (_, n) => signToken({ ...agent, jti: n, exp: 1e10 }))
  const resident: number[] = []
  let sent = 0
  let rejected = 0

  /** Sends batches of requests on one connection; each waits for the responses to the previous one. */
  async function sendBatches(): Promise<void> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    while (sent < total) {
      const first = sent
      sent += perBatch
      const batch = Array.from({ length: perBatch }, (_, n) => requestWith(badToken(first + n)))
      // Valid tokens as well, more than fit into the cache.
      batch.push(requestWith(valid[(first / perBatch) % valid.length] ?? ''))
      socket.write(batch.join(''))
      const rejectedNow = await countRejected(socket, batch.length, ended.signal)
      rejected += rejectedNow
      if (first % (total / 90) < perBatch) resident.push(await residentMegabytes(service.process.pid))
    }
    socket.destroy()
  }
  await Promise.all(Array.from({ length: connections }, sendBatches))

  expect(rejected).toBe(sent)
  const third = Math.floor((resident.length * tokens) / total / 3)
  const [first, last] = [Math.max(...resident.slice(0, -2 * third)), Math.max(...resident.slice(-third))]
  expect(third).toBeGreaterThan(5)
  expect(last, `resident MB: ${resident.join(', ')}`).toBeLessThan(first * 1.2)
  expect(service.errors()).not.toContain('request failed')
})

const requestWith = (token: string) =>
  `GET /rtc-api/interactions/nothing HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`

/** Reads `replies` responses, each 401 or 404. @returns the number of 401 */
async function countRejected(socket: Socket, replies: number, signal: AbortSignal): Promise<number> {
  let text = ''
  const statuses = () => text.match(/HTTP\/1\.1 \d{3}/g) ?? []
  const ends = () => text.match(/\r\n\r\n\{[^}]*\}/g) ?? []
  while (ends().length < replies) {
    const [chunk] = await once(socket, 'data', { signal })
    text += String(chunk)
  }
  const all = statuses()
  expect(new Set(all)).toEqual(new Set(['HTTP/1.1 401', 'HTTP/1.1 404']))
  return all.filter((status) => status.endsWith('401')).length
}

async function residentMegabytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024)
}
