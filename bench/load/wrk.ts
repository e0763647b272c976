// Puts load on a server by wrk, which takes less CPU time from the servers than autocannon.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { freshId } from '../dataset/operations.ts'
import type { LoadOrder, LoadResult } from './autocannon.ts'

/** Whether wrk is installed */
export const hasWrk = spawnSync('wrk', ['-v']).error === undefined

const script = path.join(import.meta.dirname, '..', '..', '..', 'load', 'wrk.lua')

/** The output of `wrk.lua` */
interface Report extends Omit<LoadResult, 'requestsPerSecond'> {
  readonly seconds: number
}

export async function loadWithWrk({
  baseUrl,
  token,
  seconds,
  connections,
  requests,
}: LoadOrder): Promise<LoadResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interaction-api-bench-'))
  try {
    const file = path.join(folder, 'requests')
    const lines = requests.map(({ method, path, body = '' }) => [method, path, body].join('\t'))
    await writeFile(file, `${lines.join('\n').replaceAll(freshId, '0'.repeat(36))}\n`)
    const options = [
      '--threads',
      1,
      '--connections',
      connections,
      '--duration',
      `${seconds}s`,
      '--timeout',
      '60s',
    ]
    const parameters = [...options, '--script', script, baseUrl, '--', file, token].map(String)
    const { stdout } = await promisify(execFile)('wrk', parameters)
    const { seconds: measured, ...report }: Report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    return { ...report, requestsPerSecond: report.requests / measured }
  } finally {
    await rm(folder, { recursive: true })
  }
}
