// Compares this checkout with another one of this repository: both run on copies of one filled database, and are
// measured in turns of one second, so that a change of the machine's speed affects both alike.
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Command } from 'commander'
import { copyDatabase, countTotals, fillService } from './dataset/fill.ts'
import { checkEqualResponses } from './equality.ts'
import { drawRequests, type Measurement, measure, total, warmUp } from './load/measure.ts'
import { addLoadOptions, chooseOperations, type LoadOptions, say } from './options.ts'
import {
  comparisonTable,
  findRegressions,
  type MeasuredPair,
  type Pair,
  summarize,
} from './report/comparison.ts'
import {
  postgresSettings,
  postmasterPid,
  prepareDatabases,
  untilQuiet,
  urlOf,
  withPostgres,
} from './servers/postgres.ts'
import { startService, type Target, thisCheckout, withTargets } from './servers/targets.ts'

interface Options extends LoadOptions {
  readonly other: string
  readonly starts: number
}

const options = addLoadOptions(new Command('compare'), { rounds: 5, seconds: 8 })
  .requiredOption('--other <folder>', 'the other checkout, with its node_modules; fills the database')
  .option('--starts <n>', 'measured starts of each checkout', Number, 11)
  .parse()
  .opts<Options>()

/** Until most code is compiled: after one second the compiler's threads still took up to two fifths of the CPU. */
const warmUpSeconds = 5

const { interactions, connections, rounds, seconds: turns } = options
const chosen = chooseOperations(options)

const checkouts: Pair<string> = { own: thisCheckout, other: path.resolve(options.other) }
const commits = { own: commitOf(checkouts.own), other: commitOf(checkouts.other) }
const filled = `compare_${interactions}_${commits.other}`
const databases: Pair<string> = { own: `${filled}_own`, other: `${filled}_other` }

function commitOf(checkout: string): string {
  return execFileSync('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD']).toString().trim()
}

await withPostgres(options.data, async (serverUrl) => {
  // by the other checkout, the older one: a service can bring an older schema up to date, not a newer one back
  await fillService(serverUrl, interactions, { checkout: checkouts.other, name: filled })
  for (const side of ['own', 'other'] as const) {
    await copyDatabase(serverUrl, filled, databases[side])
    await countTotals(checkouts[side], urlOf(serverUrl, databases[side]))
  }
})
await withPostgres(options.data, async (serverUrl) => {
  const urls = { own: urlOf(serverUrl, databases.own), other: urlOf(serverUrl, databases.other) }
  const start = (side: keyof Pair<string>) => () =>
    startService(urls[side], { checkout: checkouts[side], name: side })
  const bothStarts = [start('own'), start('other')]
  const load = { seconds: 1, connections, postgresPid: await postmasterPid(serverUrl) }

  await withTargets(bothStarts, (targets) => checkEqualResponses(targets, interactions))
  const starts: Pair<number>[] = []
  for (let turn = 0; turn < options.starts; turn++)
    starts.push(
      await inTurn(turn, async (side) => {
        let milliseconds = 0
        await withTargets([start(side)], async ([target]) => {
          milliseconds = target?.readyMilliseconds ?? 0
        })
        return milliseconds
      }),
    )

  const pairs: MeasuredPair[] = []
  for (let round = 1; round <= rounds; round++) {
    await prepareDatabases(serverUrl, [urls.own, urls.other])
    // new processes in each round: compiled code differs by chance from process to process
    await withTargets(bothStarts, async (targets) => {
      for (const operation of chosen) {
        const requests = drawRequests(operation, interactions)
        for (const target of targets) await warmUp(target, requests, { ...load, seconds: warmUpSeconds })
        const measured: Pair<Measurement>[] = []
        for (let turn = 0; turn < turns; turn++)
          measured.push(
            await inTurn(turn, async (side) => {
              await untilQuiet(serverUrl)
              return measure(find(targets, side), operation, requests, load)
            }),
          )
        const pair = {
          round,
          own: total(measured.map(({ own }) => own)),
          other: total(measured.map(({ other }) => other)),
        }
        pairs.push(pair)
        const ratio = (pair.own.requestsPerSecond / pair.other.requestsPerSecond).toFixed(3)
        say(
          `round ${round}: ${operation.name}: ${Math.round(pair.own.requestsPerSecond)}/s, ${ratio} of the other`,
        )
      }
    })
  }

  const summary = summarize(pairs, starts)
  const regressions = findRegressions(summary)
  await mkdir(options.out, { recursive: true })
  const settings = { node: process.version, commits, ...options, postgresSettings }
  await writeFile(
    path.join(options.out, 'compare.json'),
    JSON.stringify({ settings, summary, regressions, starts, pairs }, null, 2),
  )
  const verdict = regressions.length === 0 ? ['All figures are within the limits.'] : ['Outside the limits:']
  process.stdout.write(
    `this: ${commits.own}, other: ${commits.other}, ${interactions} interactions, ${rounds} rounds of ${turns} turns of 1 s\n` +
      `${comparisonTable(summary)}\n\n${[...verdict, ...regressions].join('\n')}\n`,
  )
})

/** Runs the work for both sides. The side that goes first changes with each turn. */
async function inTurn<Value>(
  turn: number,
  work: (side: keyof Pair<string>) => Promise<Value>,
): Promise<Pair<Value>> {
  if (turn % 2 === 0) {
    const own = await work('own')
    return { own, other: await work('other') }
  }
  const other = await work('other')
  return { own: await work('own'), other }
}

function find(targets: readonly Target[], name: string): Target {
  const target = targets.find((one) => one.name === name)
  if (target === undefined) throw new Error(`There is no target ${name}.`)
  return target
}
