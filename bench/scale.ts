// Latency of a page of a year by the number of interactions: fills databases of several sizes, measures the service
// and the baseline on each with one client, and draws both.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { fillBaseline, fillService } from './dataset/fill.ts'
import { operations } from './dataset/operations.ts'
import { drawRequests, type Measurement, measure, warmUp } from './load/measure.ts'
import { say } from './options.ts'
import { type Point, plotScale } from './report/plot.ts'
import { medians } from './report/table.ts'
import { postmasterPid, prepareDatabases, untilQuiet, urlOf, withPostgres } from './servers/postgres.ts'
import { startBaseline, startService, withTargets } from './servers/targets.ts'

const { sizes, rounds, seconds, data, out } = new Command('scale')
  .option('--sizes <list>', 'numbers of interactions, separated by commas', '100000,1000000,10000000')
  .option('--rounds <n>', 'measurements of each size and target', Number, 3)
  .option('--seconds <n>', 'duration of each measurement', Number, 5)
  .option('--data <folder>', 'folder of the filled databases', path.join('bench', '.data'))
  .option('--out <folder>', 'folder of the results', path.join('bench', 'results'))
  .parse()
  .opts<{ sizes: string; rounds: number; seconds: number; data: string; out: string }>()

const measured = operations.filter(({ name }) => ['list a year', 'list a year, deep page'].includes(name))

// reads only: the filled databases themselves are measured
const databases = await withPostgres(data, async (serverUrl) => {
  const filled = []
  for (const interactions of sizes.split(',').map(Number))
    filled.push(
      { interactions, name: await fillService(serverUrl, interactions), start: startService },
      { interactions, name: await fillBaseline(serverUrl, interactions), start: startBaseline },
    )
  return filled
})
await withPostgres(data, async (serverUrl) => {
  const load = { seconds, connections: 1, postgresPid: await postmasterPid(serverUrl) }
  const bySize = new Map<number, Measurement[]>()
  for (let round = 1; round <= rounds; round++)
    for (const { interactions, name, start } of databases) {
      const url = urlOf(serverUrl, name)
      await prepareDatabases(serverUrl, [url])
      for (const operation of measured) {
        await untilQuiet(serverUrl)
        await withTargets([() => start(url)], async (targets) => {
          for (const target of targets) {
            const requests = drawRequests(operation, interactions)
            await warmUp(target, requests, { ...load, seconds: 2 })
            const one = await measure(target, operation, requests, load)
            bySize.set(interactions, [...(bySize.get(interactions) ?? []), one])
            say(`round ${round}: ${interactions}: ${operation.name}, ${target.name}: ${one.p50} ms`)
          }
        })
      }
    }
  const points: Point[] = []
  for (const [interactions, measurements] of bySize)
    for (const { operation, target, p50, requests } of medians(measurements)) {
      say(`${interactions}: ${operation}, ${target}: ${requests > 0 ? `${p50} ms` : 'no response'}`)
      if (requests > 0) points.push({ interactions, target, operation, p50 })
    }
  await mkdir(out, { recursive: true })
  await writeFile(path.join(out, 'scale.json'), JSON.stringify({ node: process.version, points }, null, 2))
  await writeFile(path.join(out, 'scale.svg'), plotScale(points))
})
