// The benchmark: fills databases, checks that the targets respond alike, measures them in alternating rounds, reports.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { copyDatabase, fillBaseline, fillService } from './dataset/fill.ts'
import { checkEqualResponses } from './equality.ts'
import { drawRequests, type Measurement, measure, warmUp } from './load/measure.ts'
import { addLoadOptions, chooseOperations, type LoadOptions, say } from './options.ts'
import { plot } from './report/plot.ts'
import { medians, table } from './report/table.ts'
import {
  postgresSettings,
  postmasterPid,
  prepareDatabases,
  untilQuiet,
  urlOf,
  withPostgres,
} from './servers/postgres.ts'
import { startBaseline, startCeiling, startService, withTargets } from './servers/targets.ts'

interface Options extends LoadOptions {
  readonly serviceOnly?: boolean
}

const options = addLoadOptions(new Command('bench'), { rounds: 3, seconds: 5 })
  .option('--service-only', 'leave out the baseline and the ceiling')
  .parse()
  .opts<Options>()
const chosen = chooseOperations(options)

const { service, baseline } = await withPostgres(options.data, async (serverUrl) => ({
  service: await fillCopy(serverUrl, fillService),
  baseline: options.serviceOnly ? undefined : await fillCopy(serverUrl, fillBaseline),
}))
await withPostgres(options.data, async (serverUrl) => {
  const serviceUrl = urlOf(serverUrl, service)
  const urls = [serviceUrl]
  const starts = [() => startService(serviceUrl)]
  if (baseline !== undefined) {
    const baselineUrl = urlOf(serverUrl, baseline)
    urls.push(baselineUrl)
    starts.unshift(() => startBaseline(baselineUrl))
    await withTargets(starts, (targets) => checkEqualResponses(targets, options.interactions))
  }
  const { interactions, seconds, connections } = options
  const load = { seconds, connections, postgresPid: await postmasterPid(serverUrl) }
  const measurements: Measurement[] = []
  for (let round = 1; round <= options.rounds; round++) {
    await prepareDatabases(serverUrl, urls)
    for (const operation of chosen) {
      const requests = drawRequests(operation, interactions)
      const hasCeiling = operation.ceiling && baseline !== undefined
      for (const start of hasCeiling ? [startCeiling, ...starts] : starts) {
        await untilQuiet(serverUrl)
        // each measurement starts a new process, so that none profits from an earlier one
        await withTargets([start], async (targets) => {
          for (const target of targets) {
            await warmUp(target, requests, { connections, seconds: 2 })
            const measurement = await measure(target, operation, requests, load)
            measurements.push(measurement)
            const perSecond = Math.round(measurement.requestsPerSecond)
            say(`round ${round}: ${operation.name}, ${target.name}: ${perSecond}/s`)
          }
        })
      }
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

/** Fills a database and returns the name of a new copy of it: measurements write. */
async function fillCopy(
  serverUrl: string,
  fill: (serverUrl: string, total: number) => Promise<string>,
): Promise<string> {
  const name = await fill(serverUrl, options.interactions)
  await copyDatabase(serverUrl, name, `${name}_copy`)
  return `${name}_copy`
}
