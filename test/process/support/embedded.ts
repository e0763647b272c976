// Data directories and servers for the tests of the embedded PostgreSQL.
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type QueryResultRow } from 'pg'
import { afterAll, beforeEach, onTestFinished } from 'vitest'
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../../src/embedded/postgres.ts'

export const isRoot = process.geteuid?.() === 0
/** The user `nobody` if the tests run as root, otherwise undefined: the current user is an ordinary one. */
export const ordinaryUser = isRoot ? { uid: 65_534, gid: 65_534 } : undefined

/** Creates a folder, and deletes it after the test. Ends a PostgreSQL that still runs in it first. */
export function temporaryFolder(parent?: string): string {
  const folder = makeTemporaryFolder(parent)
  onTestFinished(async () => {
    await endServer(folder)
    await rm(folder, { recursive: true, force: true, maxRetries: 50 })
  })
  return folder
}

/** Creates a folder that the caller deletes. */
export function makeTemporaryFolder(parent = tmpdir()): string {
  return mkdtempSync(join(parent, 'interaction-api-test-'))
}

/**
 * Creates a data directory for all tests of the file, because the first start takes much longer than later ones. Each test
 * ends the PostgreSQL that it leaves running; the directory is deleted after the last test.
 */
export function sharedDataDirectory(): string {
  const folder = makeTemporaryFolder()
  beforeEach(() => onTestFinished(() => endServer(folder)))
  afterAll(() => rm(folder, { recursive: true }))
  return folder
}

/** Starts PostgreSQL, owned by this process, and stops it after the test. */
export async function start(
  dataDirectory: string,
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDirectory, log: () => {}, ...options })
  onTestFinished(() => postgres.stop())
  return postgres
}

/** Returns the process id in PostgreSQL's lock file. */
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

/**
 * Calls `attempt` until it returns a value other than undefined, and returns that. An error counts as undefined.
 * @throws Error after two minutes
 */
export async function eventually<T>(attempt: () => T | undefined | Promise<T | undefined>): Promise<T> {
  let last: unknown = 'no error'
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await sleep(10)) {
    try {
      const value = await attempt()
      if (value !== undefined) return value
    } catch (error) {
      last = error
    }
  }
  throw new Error('No value within two minutes', { cause: last })
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Returns the ids of the processes whose working directory is in a folder, such as all of PostgreSQL. Linux only. */
export function processesIn(folder: string): number[] {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return ids.map(Number).filter((pid) => workingDirectory(pid)?.startsWith(folder))
}

function workingDirectory(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    // The process has ended, or belongs to another user.
    return undefined
  }
}

/** Ends the PostgreSQL that still runs on a data directory, if any. */
export async function endServer(dataDirectory: string): Promise<void> {
  if (!existsSync(join(dataDirectory, 'postgres', 'postmaster.pid'))) return
  const pid = postmasterPid(dataDirectory)
  if (!isAlive(pid)) return
  process.kill(pid, 'SIGINT')
  await eventually(() => (isAlive(pid) ? undefined : true))
}
