// One measurement: one operation of one target, with load from a process of its own.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { bigOrganization } from '../dataset/interactions.ts'
import type { BenchmarkRequest, Operation } from '../dataset/operations.ts'
import { cpuMicroseconds, peakMegabytes, type Target } from '../servers/targets.ts'
import { agentToken } from '../servers/tokens.ts'
import type { LoadOrder, LoadResult } from './autocannon.ts'
import { hasWrk, loadWithWrk } from './wrk.ts'

export interface Measurement extends LoadResult {
  readonly operation: string
  readonly target: string
  readonly factor: number
  /** CPU time a request, in microseconds */
  readonly serverMicroseconds: number
  readonly databaseMicroseconds: number
  readonly peakMegabytes: number
  readonly readyMilliseconds: number
}

const token = agentToken(bigOrganization)

export async function measure(
  target: Target,
  operation: Operation,
  {
    interactions,
    seconds,
    connections,
    data,
  }: { interactions: number; seconds: number; connections: number; data: string },
): Promise<Measurement> {
  const draw = () => operation.request(randomInt(2 ** 32), interactions)
  const order = (duration: number): LoadOrder => ({
    baseUrl: target.baseUrl,
    token,
    seconds: duration,
    connections,
    requests: withoutRepeatedUpdates(Array.from({ length: 20_000 }, draw)),
  })
  // what a server does once (connections, plans, compiled code) is not what is measured
  await load(order(2))
  const postgresPid = Number(
    readFileSync(path.join(data, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0],
  )
  const [server, database] = [cpuMicroseconds(target.pid), cpuMicroseconds(postgresPid)]
  const result = await load(
    order(target.name === 'baseline' ? (operation.baselineSeconds ?? seconds) : seconds),
  )
  return {
    operation: operation.name,
    target: target.name,
    factor: operation.factor,
    ...result,
    serverMicroseconds: (cpuMicroseconds(target.pid) - server) / result.requests,
    databaseMicroseconds: (cpuMicroseconds(postgresPid) - database) / result.requests,
    peakMegabytes: peakMegabytes(target.pid),
    readyMilliseconds: target.readyMilliseconds,
  }
}

/** Two updates of one interaction at once are a conflict to the baseline, and none to this service. */
function withoutRepeatedUpdates(requests: readonly BenchmarkRequest[]): BenchmarkRequest[] {
  const seen = new Set<string>()
  return requests.filter(({ method, path }) => method !== 'PUT' || (!seen.has(path) && seen.add(path)))
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
