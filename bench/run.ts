// The benchmark: fills databases, checks that the targets answer alike, measures them in alternating rounds, reports.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { fillBaseline, fillService, readThrough, urlOf, vacuum } from './dataset/fill.ts'
import { operations } from './dataset/operations.ts'
import { checkEqualAnswers } from './equality.ts'
import { type Measurement, measure } from './load/measure.ts'
import { plot } from './plot.ts'
import { medians, table } from './report.ts'
import { postgresSettings, untilQuiet, withPostgres } from './servers/postgres.ts'
import { startBaseline, startCeiling, startService, type Target } from './servers/targets.ts'

const options = new Command('bench')
  .option(
    '--interactions <n>',
    'how many interactions the databases hold, up to 10 million',
    Number,
    1_000_000,
  )
  .option('--rounds <n>', 'how often each target is measured', Number, 3)
  .option('--seconds <n>', 'how long each measurement takes', Number, 5)
  .option('--connections <n>', 'how many callers there are at once', Number, 32)
  .option(
    '--only <words>',
    'measure only operations whose names have one of these words, separated by commas',
  )
  .option('--service-only', 'leave the baseline and the ceiling out')
  .option('--data <folder>', 'where the filled databases are kept', path.join('bench', '.data'))
  .option('--out <folder>', 'where the results go', path.join('bench', 'results'))
  .parse()
  .opts<Options>()

interface Options {
  interactions: number
  rounds: number
  seconds: number
  connections: number
  only?: string
  serviceOnly?: boolean
  data: string
  out: string
}

const say = (line: string) => process.stderr.write(`${line}\n`)
const chosen = operations.filter(
  ({ name }) => options.only?.split(',').some((word) => name.includes(word)) ?? true,
)

const { service, baseline } = await withPostgres(options.data, async (serverUrl) => ({
  service: await fillService(serverUrl, options.interactions),
  baseline: options.serviceOnly ? undefined : await fillBaseline(serverUrl, options.interactions),
}))
await withPostgres(options.data, async (serverUrl) => {
  const serviceUrl = urlOf(serverUrl, service)
  const urls = [serviceUrl]
  const starts: (() => Promise<Target>)[] = [() => startService(serviceUrl)]
  if (baseline !== undefined) {
    const baselineUrl = urlOf(serverUrl, baseline)
    urls.push(baselineUrl)
    starts.unshift(() => startBaseline(baselineUrl))
    await withTargets(starts, (targets) => checkEqualAnswers(targets, options.interactions))
    starts.unshift(startCeiling)
  }
  const measurements: Measurement[] = []
  for (let round = 1; round <= options.rounds; round++) {
    // as autovacuum would, but at a time that is the same for all
    for (const url of urls) await vacuum(url)
    for (const url of urls) await readThrough(url)
    for (const operation of chosen)
      for (const start of starts) {
        await untilQuiet(serverUrl)
        await withTargets([start], async ([target]) => {
          if (target === undefined || (target.name === 'ceiling' && !operation.ceiling)) return
          const measurement = await measure(target, operation, options)
          measurements.push(measurement)
          say(
            `round ${round}: ${operation.name}, ${target.name}: ${Math.round(measurement.requestsPerSecond)}/s`,
          )
        })
      }
  }
  const results = medians(measurements)
  await mkdir(options.out, { recursive: true })
  const settings = { node: process.version, ...options, postgresSettings }
  await writeFile(
    path.join(options.out, 'results.json'),
    JSON.stringify({ settings, results, measurements }, null, 2),
  )
  await writeFile(path.join(options.out, 'results.svg'), plot(results))
  process.stdout.write(`${table(results)}\n`)
})

async function withTargets(
  starts: readonly (() => Promise<Target>)[],
  work: (targets: Target[]) => Promise<void>,
) {
  const targets: Target[] = []
  try {
    for (const start of starts) targets.push(await start())
    await work(targets)
  } finally {
    for (const target of targets) await target.stop()
  }
}
