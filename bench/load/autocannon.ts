// Puts load on a server, in a process of its own: reads what to do from standard input, writes what it measured.
import { randomUUID } from 'node:crypto'
import { json } from 'node:stream/consumers'
import autocannon from 'autocannon'
import { type BenchmarkRequest, freshId } from '../dataset/operations.ts'

export interface LoadOrder {
  readonly baseUrl: string
  readonly token: string
  readonly seconds: number
  readonly connections: number
  /** taken in turn, by all connections together */
  readonly requests: readonly BenchmarkRequest[]
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly requests: number
  /** milliseconds */
  readonly p50: number
  readonly p99: number
  /** answers other than 2xx, and connections that failed */
  readonly errors: number
}

const { baseUrl, token, seconds, connections, requests } = (await json(process.stdin)) as LoadOrder
let next = 0
const measured = await autocannon({
  url: baseUrl,
  connections,
  duration: seconds,
  headers: { authorization: `Bearer ${token}` },
  requests: [
    {
      setupRequest(request) {
        const { method, path, body } = requests[next++ % requests.length] ?? {
          method: 'GET' as const,
          path: '/',
        }
        const { authorization = '' } = { ...request.headers } as Record<string, string>
        const headers = { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) }
        return {
          ...request,
          method,
          path,
          headers,
          ...(body !== undefined && { body: body.replace(freshId, () => randomUUID()) }),
        }
      },
    },
  ],
})
const result: LoadResult = {
  requestsPerSecond: measured.requests.average,
  requests: measured.requests.total,
  p50: measured.latency.p50,
  p99: measured.latency.p99,
  errors: measured.non2xx + measured.errors,
}
process.stdout.write(JSON.stringify(result))
