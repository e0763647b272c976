// Fills the databases of the benchmark. A filled database is kept for the next run; measurements use copies of it.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { execute, query, urlOf, vacuum } from '../servers/postgres.ts'
import { startService, thisCheckout } from '../servers/targets.ts'
import { copyRows } from './copy-rows.ts'

interface Filling {
  readonly name: string
  readonly total: number
  /** creates or updates the schema of the database at the URL; idempotent */
  readonly prepare: (url: string) => Promise<void>
}

/** Creates and fills the database, unless an earlier run completed it. */
async function fillDatabase(serverUrl: string, { name, total, prepare }: Filling): Promise<void> {
  const url = urlOf(serverUrl, name)
  const complete = await query(
    serverUrl,
    `select from pg_database where datname = '${name}' and datconnlimit = -1`,
  )
  if (complete.length > 0) return prepare(url)
  await execute(serverUrl, `drop database if exists ${name}`)
  // the connection limit marks the database as incomplete
  await execute(serverUrl, `create database ${name} connection limit 20`)
  await prepare(url)
  await copyRows(url, total, name)
  await vacuum(url)
  await execute(serverUrl, `alter database ${name} connection limit -1`)
}

/** Replaces the database `copy` by a copy of the database `name`. */
export async function copyDatabase(serverUrl: string, name: string, copy: string): Promise<void> {
  await execute(serverUrl, `drop database if exists ${copy} with (force)`)
  await execute(serverUrl, `create database ${copy} template ${name} strategy file_copy`)
}

/**
 * Fills a database with the schema of a checkout of this repository, as its `migrate` creates it, and waits until the
 * totals are counted.
 */
export async function fillService(
  serverUrl: string,
  total: number,
  { checkout = thisCheckout, name = `service_${total}` } = {},
): Promise<string> {
  await fillDatabase(serverUrl, {
    name,
    total,
    prepare: (url) => migrate(checkout, url),
  })
  const url = urlOf(serverUrl, name)
  await countTotals(checkout, url)
  await vacuum(url)
  return name
}

/** Fills the baseline's database; its indexes are created when the rows are stored. */
export async function fillBaseline(serverUrl: string, total: number): Promise<string> {
  const name = `baseline_${total}`
  const file = (file: string) => readFile(path.join(thisCheckout, 'bench', 'baseline', file), 'utf8')
  await fillDatabase(serverUrl, {
    name,
    total,
    prepare: async (database) => execute(database, await file('schema.sql')),
  })
  const url = urlOf(serverUrl, name)
  await execute(url, await file('indexes.sql'))
  await vacuum(url)
  return name
}

/** Runs a checkout's `migrate`, which also compiles the checkout. */
export async function migrate(checkout: string, url: string): Promise<void> {
  const executable = path.join(checkout, 'bin', 'interaction-api.js')
  const env = { PATH: process.env.PATH ?? '', DATABASE_URL: url }
  await promisify(execFile)(process.execPath, [executable, 'migrate'], { env })
}

/** Runs a checkout's service until its totals are counted up to the current hour. */
export async function countTotals(checkout: string, url: string): Promise<void> {
  const service = await startService(url, { checkout })
  try {
    for (;;) {
      const metrics = await (await fetch(`${service.baseUrl}/metrics`)).text()
      const [, seconds] = /^interaction_totals_counted_until_seconds (\S+)$/m.exec(metrics) ?? []
      if (Number(seconds) >= Math.floor(Date.now() / 3_600_000) * 3600) return
      await sleep(500)
    }
  } finally {
    await service.stop()
  }
}
