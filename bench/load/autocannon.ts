// Puts load on a server by autocannon. Runs as a process: reads an order from standard input, writes the result.
import { randomUUID } from 'node:crypto'
import { json } from 'node:stream/consumers'
import autocannon from 'autocannon'
import { type BenchmarkRequest, freshId } from '../dataset/operations.ts'

export interface LoadOrder {
  readonly baseUrl: string
  readonly token: string
  readonly seconds: number
  readonly connections: number
  /** sent in turn, by all connections together */
  readonly requests: readonly BenchmarkRequest[]
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly requests: number
  /** milliseconds */
  readonly p50: number
  readonly p99: number
  /** responses other than 2xx, and failed connections */
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
