// Measures what the audit log costs: the service with each of its levels, in turn on the same database.
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { copyDatabase, fillService } from './dataset/fill.ts'
import { operations } from './dataset/operations.ts'
import { drawRequests, type Measurement, measure, warmUp } from './load/measure.ts'
import { say } from './options.ts'
import { postmasterPid, prepareDatabases, untilQuiet, urlOf, withPostgres } from './servers/postgres.ts'
import { startService, withTargets } from './servers/targets.ts'

const { interactions, rounds, seconds, data, out } = new Command('audit')
  .option('--interactions <n>', 'interactions in the database', Number, 100_000)
  .option('--rounds <n>', 'measurements of each operation and level', Number, 5)
  .option('--seconds <n>', 'duration of each measurement', Number, 3)
  .option('--data <folder>', 'folder of the filled database', path.join('bench', '.data'))
  .option('--out <folder>', 'folder of the audit logs', path.join('bench', 'results'))
  .parse()
  .opts<{ interactions: number; rounds: number; seconds: number; data: string; out: string }>()

const levels = ['off', 'security', 'writes', 'all']
const measured = operations.filter(({ name }) => ['GET by id', 'POST'].includes(name))
const fileOf = (level: string) => path.resolve(out, `audit-${level}.log`)

/** Returns the levels in another order for each round. */
const inTurn = (round: number) => levels.map((_, index) => levels[(round + index) % levels.length] ?? 'off')

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

await mkdir(out, { recursive: true })
const name = `audit_${interactions}`
await withPostgres(data, async (serverUrl) => {
  await copyDatabase(serverUrl, await fillService(serverUrl, interactions), name)
})
await withPostgres(data, async (serverUrl) => {
  const url = urlOf(serverUrl, name)
  const load = { seconds, connections: 32, postgresPid: await postmasterPid(serverUrl) }
  const results: (Measurement & { round: number })[] = []
  for (let round = 1; round <= rounds; round++) {
    await prepareDatabases(serverUrl, [url])
    // new processes in each round: compiled code differs by chance from process to process
    const starts = levels.map(
      (level) => () =>
        startService(url, { name: level, settings: { AUDIT_LOG: level, AUDIT_LOG_FILE: fileOf(level) } }),
    )
    await withTargets(starts, async (targets) => {
      for (const operation of measured) {
        const requests = drawRequests(operation, interactions)
        for (const level of inTurn(round)) {
          const target = targets.find((one) => one.name === level)
          if (target === undefined) continue
          await untilQuiet(serverUrl)
          await warmUp(target, requests, { ...load, seconds: 1 })
          const result = await measure(target, operation, requests, load)
          results.push({ ...result, round })
          say(`round ${round}: ${operation.name}, ${level}: ${Math.round(result.requestsPerSecond)}/s`)
        }
      }
    })
    for (const level of levels) await rm(fileOf(level), { force: true })
  }
  for (const { name: operation } of measured) {
    const of = (level: string) => results.filter((one) => one.operation === operation && one.target === level)
    for (const level of levels) {
      const ratios = of(level).map(
        ({ round, requestsPerSecond }) =>
          requestsPerSecond / (of('off').find((one) => one.round === round)?.requestsPerSecond ?? 0),
      )
      const rate = Math.round(median(of(level).map((one) => one.requestsPerSecond)))
      const cpu = median(of(level).map((one) => one.serverMicroseconds)).toFixed(1)
      process.stdout.write(
        `${operation}, ${level}: ${rate}/s, ${median(ratios).toFixed(3)} of off, server CPU ${cpu} µs\n`,
      )
    }
  }
})
