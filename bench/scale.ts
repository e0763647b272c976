// How long one caller waits for a page of a year, by the number of interactions: fills databases of several sizes,
// measures the service and the baseline on each, and draws both.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { fillBaseline, fillService, readThrough, urlOf, vacuum } from './dataset/fill.ts'
import { operations } from './dataset/operations.ts'
import { type Measurement, measure } from './load/measure.ts'
import { type Point, plotScale } from './plot.ts'
import { medians } from './report.ts'
import { untilQuiet, withPostgres } from './servers/postgres.ts'
import { startBaseline, startService } from './servers/targets.ts'

const { sizes, rounds, seconds, data, out } = new Command('scale')
  .option('--sizes <list>', 'how many interactions, separated by commas', '100000,1000000,10000000')
  .option('--rounds <n>', 'how often each is measured', Number, 3)
  .option('--seconds <n>', 'how long each measurement takes', Number, 5)
  .option('--data <folder>', 'where the filled databases are kept', path.join('bench', '.data'))
  .option('--out <folder>', 'where the results go', path.join('bench', 'results'))
  .parse()
  .opts<{ sizes: string; rounds: number; seconds: number; data: string; out: string }>()

const measured = operations.filter(({ name }) => ['list a year', 'list a year, deep page'].includes(name))
const say = (line: string) => process.stderr.write(`${line}\n`)

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
  const targets = databases.map(({ name, ...rest }) => ({ ...rest, url: urlOf(serverUrl, name) }))
  for (const { url } of targets) await vacuum(url)
  const bySize = new Map<number, Measurement[]>()
  for (let round = 1; round <= rounds; round++)
    for (const { interactions, url, start } of targets) {
      await readThrough(url)
      await untilQuiet(serverUrl)
      const target = await start(url)
      for (const operation of measured) {
        const one = await measure(target, operation, { interactions, seconds, connections: 1, data })
        bySize.set(interactions, [...(bySize.get(interactions) ?? []), one])
        say(`round ${round}: ${interactions}: ${operation.name}, ${target.name}: ${one.p50} ms`)
      }
      await target.stop()
    }
  const points: Point[] = []
  for (const [interactions, measurements] of bySize)
    for (const { operation, target, p50, requests } of medians(measurements)) {
      say(`${interactions}: ${operation}, ${target}: ${requests > 0 ? `${p50} ms` : 'no answer'}`)
      // one that gives no answer in its time has no place in the plot
      if (requests > 0) points.push({ interactions, target, operation, p50 })
    }
  await mkdir(out, { recursive: true })
  await writeFile(path.join(out, 'scale.json'), JSON.stringify({ node: process.version, points }, null, 2))
  await writeFile(path.join(out, 'scale.svg'), plotScale(points))
})
