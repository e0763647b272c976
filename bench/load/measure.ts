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

/** Measurements added up, without the percentiles: those can't be added up. */
export type Total = Omit<Measurement, 'p50' | 'p99'>

export interface LoadOptions {
  readonly seconds: number
  readonly connections: number
}

export interface MeasureOptions extends LoadOptions {
  /** process id of the database server */
  readonly postgresPid: number
}

const token = agentToken(bigOrganization)

/** Draws 20,000 requests of an operation on a database of `total` interactions. */
export function drawRequests(operation: Operation, total: number): BenchmarkRequest[] {
  return Array.from({ length: 20_000 }, () => operation.request(randomInt(2 ** 32), total))
}

/** Puts load on a target for what a server does once: connections, plans, compiled code. */
export async function warmUp(
  { baseUrl }: Target,
  requests: readonly BenchmarkRequest[],
  { seconds, connections }: LoadOptions,
): Promise<void> {
  await load({ baseUrl, token, connections, requests, seconds })
}

/** The whole load on the database server counts as the target's: no other target may be under load meanwhile. */
export async function measure(
  target: Target,
  operation: Operation,
  requests: readonly BenchmarkRequest[],
  { seconds, connections, postgresPid }: MeasureOptions,
): Promise<Measurement> {
  const [server, database] = [cpuMicroseconds(target.pid), cpuMicroseconds(postgresPid)]
  const result = await load({ baseUrl: target.baseUrl, token, connections, requests, seconds })
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

/** Adds up turns of equal duration of one target and operation. */
export function total(turns: readonly Measurement[]): Total {
  const sum = (figure: (turn: Measurement) => number) =>
    turns.reduce((whole, turn) => whole + figure(turn), 0)
  const [first] = turns
  if (first === undefined) throw new Error('There is no turn.')
  const requests = sum((turn) => turn.requests)
  return {
    operation: first.operation,
    target: first.target,
    requests,
    requestsPerSecond: sum((turn) => turn.requestsPerSecond) / turns.length,
    errors: sum((turn) => turn.errors),
    serverMicroseconds: sum((turn) => turn.serverMicroseconds * turn.requests) / requests,
    databaseMicroseconds: sum((turn) => turn.databaseMicroseconds * turn.requests) / requests,
    peakMegabytes: Math.max(...turns.map((turn) => turn.peakMegabytes)),
    readyMilliseconds: first.readyMilliseconds,
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
