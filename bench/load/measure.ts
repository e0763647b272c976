// Measures one operation of one target, under load from a process of its own.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { bigOrganization } from '../dataset/interactions.ts'
import type { BenchmarkRequest, Operation } from '../dataset/operations.ts'
import type { Target } from '../servers/targets.ts'
import { agentToken } from '../servers/tokens.ts'
import { cpuMicroseconds, peakMegabytes } from '../servers/usage.ts'
import type { LoadOrder, LoadResult } from './autocannon.ts'
import { hasWrk, loadWithWrk } from './wrk.ts'

export interface Measurement extends LoadResult {
  readonly operation: string
  readonly target: string
  /** CPU time per request, in microseconds */
  readonly serverMicroseconds: number
  readonly databaseMicroseconds: number
  readonly peakMegabytes: number
  readonly readyMilliseconds: number
}

export interface MeasureOptions {
  readonly seconds: number
  /** The load that precedes the measurement, for what a server does once: connections, plans, compiled code. */
  readonly warmUpSeconds: number
  readonly connections: number
  /** process id of the database server */
  readonly postgresPid: number
}

const token = agentToken(bigOrganization)

/** Draws 20,000 requests of an operation on a database of `total` interactions. */
export function drawRequests(operation: Operation, total: number): BenchmarkRequest[] {
  return Array.from({ length: 20_000 }, () => operation.request(randomInt(2 ** 32), total))
}

/** The whole load on the database server counts as the target's: no other target may be under load meanwhile. */
export async function measure(
  target: Target,
  operation: Operation,
  requests: readonly BenchmarkRequest[],
  { seconds, warmUpSeconds, connections, postgresPid }: MeasureOptions,
): Promise<Measurement> {
  const order = { baseUrl: target.baseUrl, token, connections, requests }
  await load({ ...order, seconds: warmUpSeconds })
  const [server, database] = [cpuMicroseconds(target.pid), cpuMicroseconds(postgresPid)]
  const result = await load({ ...order, seconds })
  return {
    operation: operation.name,
    target: target.name,
    ...result,
    serverMicroseconds: (cpuMicroseconds(target.pid) - server) / result.requests,
    databaseMicroseconds: (cpuMicroseconds(postgresPid) - database) / result.requests,
    peakMegabytes: peakMegabytes(target.pid),
    readyMilliseconds: target.readyMilliseconds,
  }
}

async function load(order: LoadOrder): Promise<LoadResult> {
  if (hasWrk) return loadWithWrk(order)
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'autocannon.js')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(order))
  const result = (await json(child.stdout)) as LoadResult
  await once(child, 'exit')
  return result
}
