// Fills a database of the benchmark by COPY, once: a filled one is kept for the next run.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { SingleBar } from 'cli-progress'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { startService } from '../servers/targets.ts'
import { sample } from './interactions.ts'

/**
 * Creates the database, unless it is there and full.
 * @param prepare makes the table in the database at that URL, unless it is there
 * @param finish SQL to run on the filled table, such as what makes its indexes
 * @param settle waits until nothing is left to do in the background
 * @returns the name of a fresh copy of it
 */
async function fillDatabase(
  serverUrl: string,
  {
    name,
    total,
    prepare,
    finish,
    settle,
  }: {
    name: string
    total: number
    prepare: (url: string) => Promise<void>
    finish: string
    settle: (url: string) => Promise<void>
  },
): Promise<string> {
  const url = urlOf(serverUrl, name)
  const admin = new pg.Client({ connectionString: serverUrl })
  await admin.connect()
  const { rows } = await admin.query(
    `select from pg_database where datname = '${name}' and datconnlimit = -1`,
  )
  if (rows.length === 0) {
    await admin.query(`drop database if exists ${name}`)
    // a limit marks the database as unfinished, until it is full
    await admin.query(`create database ${name} connection limit 10`)
    await prepare(url)
    await copyAll(url, name, total)
    await run(url, finish)
    await vacuum(url)
    await admin.query(`alter database ${name} connection limit -1`)
    await admin.query('checkpoint')
  } else await prepare(url)
  await settle(url)
  // measuring writes, so what is measured is a copy
  await admin.query(`drop database if exists ${name}_copy with (force)`)
  await admin.query(`create database ${name}_copy template ${name} strategy file_copy`)
  await admin.query('checkpoint')
  await admin.end()
  return `${name}_copy`
}

/** The URL of a database of that server. */
export function urlOf(serverUrl: string, name: string): string {
  return Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
}

/** The service's own schema, as `interaction-api migrate` makes it. */
export function fillService(serverUrl: string, total: number): Promise<string> {
  const executable = path.join(import.meta.dirname, '..', '..', '..', '..', 'bin', 'interaction-api.js')
  return fillDatabase(serverUrl, {
    name: `service_${total}`,
    total,
    prepare: async (url) => {
      const environment = { PATH: process.env.PATH ?? '', DATABASE_URL: url }
      await promisify(execFile)(process.execPath, [executable, 'migrate'], { env: environment })
    },
    finish: '',
    settle: awaitTotals,
  })
}

/** The baseline's: a primary key and one index, made when the rows are there. */
export function fillBaseline(serverUrl: string, total: number): Promise<string> {
  const schema = path.join(import.meta.dirname, '..', '..', '..', 'baseline', 'schema.sql')
  return fillDatabase(serverUrl, {
    name: `baseline_${total}`,
    total,
    prepare: async (url) => run(url, await readFile(schema, 'utf8')),
    finish: 'create index on interactions (organization_id, created_at)',
    settle: async () => {},
  })
}

/** Lets the service count what it keeps. */
async function awaitTotals(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const service = await startService(url)
  for (;;) {
    const { rows } = await client.query(
      `select from interaction_day_totals_state where counted_until = sealed_until and isfinite(sealed_until)`,
    )
    if (rows.length > 0) break
    await sleep(500)
  }
  await service.stop()
  await client.query('vacuum (freeze, analyze) interaction_day_totals, interaction_day_totals_state')
  await client.end()
}

async function copyAll(url: string, name: string, total: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const bar = new SingleBar({ format: `${name} {bar} {percentage}% | {value}/{total} | {eta_formatted}` })
  bar.start(total, 0)
  const columns = 'id, organization_id, created_by, created_at, type, data'
  const sink = client.query(copyFrom(`copy interactions (${columns}) from stdin`))
  await pipeline(Readable.from(copyText(total, (done) => bar.update(done))), sink)
  bar.stop()
  await client.end()
}

/** COPY's text format, in pieces of 1,000 rows. The samples hold neither tabs nor line breaks nor backslashes. */
function* copyText(total: number, progress: (done: number) => void): Generator<string> {
  for (let start = 0; start < total; start += 1000) {
    let text = ''
    for (let number = start; number < Math.min(start + 1000, total); number++) {
      const { id, organizationId, createdBy, createdAt, type, data } = sample(number, total)
      text += `${id}\t${organizationId}\t${createdBy}\t${createdAt.toISOString()}\t${type}\t${data}\n`
    }
    yield text
    progress(Math.min(start + 1000, total))
  }
}

/**
 * Reads tables and indexes into PostgreSQL's memory, so that what is measured does not depend on what happened to be
 * there. What lists by date read comes last, as what came first gives way where not all has room.
 */
export function readThrough(url: string): Promise<void> {
  return run(
    url,
    `create extension if not exists pg_prewarm;
     select pg_prewarm(oid) from (
       select oid from pg_class
       where relkind in ('r', 'i') and relnamespace = 'public'::regnamespace
       order by relkind = 'r', relname ~ 'organization'
     ) as relation`,
  )
}

/** Leaves nothing to autovacuum, which would come in the middle of a measurement. */
export function vacuum(url: string): Promise<void> {
  return run(url, 'vacuum (freeze, analyze) interactions')
}

async function run(url: string, statement: string): Promise<void> {
  if (statement === '') return
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}
