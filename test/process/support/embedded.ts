// Data directories and servers for the tests of the embedded PostgreSQL.
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type QueryResultRow } from 'pg'
import { onTestFinished } from 'vitest'
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../../src/embedded/postgres.ts'

export const isRoot = process.geteuid?.() === 0
/** An ordinary user: nobody when the tests run as root, else the one who runs them. */
export const ordinaryUser = isRoot ? { uid: 65_534, gid: 65_534 } : undefined

/** A folder which is deleted after the test, with any PostgreSQL that still runs in it. */
export function temporaryFolder(parent?: string): string {
  const folder = makeTemporaryFolder(parent)
  onTestFinished(async () => {
    await endLeftServer(folder)
    await rm(folder, { recursive: true, force: true })
  })
  return folder
}

/** A folder which the caller deletes. */
export function makeTemporaryFolder(parent = tmpdir()): string {
  return mkdtempSync(join(parent, 'interaction-api-test-'))
}

/** Starts one in this process, and stops it after the test. */
export async function start(
  dataDirectory: string,
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDirectory, log: () => {}, ...options })
  onTestFinished(() => postgres.stop())
  return postgres
}

/** The server process noted in a data directory. */
export function postmasterPid(dataDirectory: string): number {
  return Number.parseInt(readFileSync(join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8'), 10)
}

export async function query<Row extends QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

/** Tries until it gives a value, for ten seconds; an error counts as none. */
export async function eventually<T>(attempt: () => T | undefined | Promise<T | undefined>): Promise<T> {
  let last: unknown = 'nothing'
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(10)) {
    try {
      const value = await attempt()
      if (value !== undefined) return value
    } catch (error) {
      last = error
    }
  }
  throw new Error('It did not happen in ten seconds', { cause: last })
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Ends the PostgreSQL of a data directory, when one runs which its owner left behind. */
export async function endLeftServer(dataDirectory: string): Promise<void> {
  const isNoted = () => existsSync(join(dataDirectory, 'postgres', 'postmaster.pid'))
  if (!isNoted() || !isAlive(postmasterPid(dataDirectory))) return
  process.kill(postmasterPid(dataDirectory), 'SIGINT')
  await eventually(() => (isNoted() ? undefined : true))
}
