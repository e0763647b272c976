// PgBouncer in transaction mode, in front of the PostgreSQL of the suite.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { makeTemporaryDirectory } from '../../../src/ephemeral/temporary-directory.ts'
import { freePort } from '../../support/listening.ts'

const { PGBOUNCER = 'pgbouncer' } = process.env

/** Settings of PgBouncer by their names. */
export type PgBouncerSettings = Readonly<Record<string, string | number>>

export interface PgBouncer {
  /** URL of the database through PgBouncer */
  readonly url: string
  stop(): Promise<void>
}

/**
 * Starts PgBouncer with the settings of docs/operators.md and those given.
 * @param databaseUrl connects to PostgreSQL directly
 * @throws Error when PgBouncer is missing or older than 1.21, which prepares no statements in transaction mode
 */
export async function startPgBouncer(
  databaseUrl: string,
  settings: PgBouncerSettings = {},
): Promise<PgBouncer> {
  requireVersion()
  const { hostname, port, username, password, pathname } = new URL(databaseUrl)
  const folder = await makeTemporaryDirectory()
  const listenPort = await freePort()
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: listenPort,
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: 'transaction',
    max_prepared_statements: 200,
    server_login_retry: 1,
    server_connect_timeout: 3,
    ...(process.getuid?.() === 0 ? { user: 'nobody' } : {}),
    ...settings,
  }
  const target = { host: hostname, port, user: username, password: decodeURIComponent(password) }
  const file = path.join(folder.path, 'pgbouncer.ini')
  await writeFile(file, `[databases]\n* = ${toLines(target, ' ')}\n[pgbouncer]\n${toLines(lines, '\n')}\n`)
  await chmod(folder.path, 0o755)
  const started = spawn(PGBOUNCER, ['--quiet', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const url = `postgres://anybody@127.0.0.1:${listenPort}${pathname}`
  await listening(started, url)
  return {
    url,
    async stop() {
      started.kill('SIGKILL')
      await once(started, 'exit')
      await folder.remove()
    },
  }
}

function toLines(settings: PgBouncerSettings, separator: string): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(separator)
}

function requireVersion(): void {
  const text = execFileSync(PGBOUNCER, ['--version'], { encoding: 'utf8' })
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? []
  if (Number(major) < 1 || (Number(major) === 1 && Number(minor) < 21))
    throw new Error(`${text.split('\n')[0]}: 1.21 or later is needed; set PGBOUNCER to where one is`)
}

async function listening(started: ChildProcess, url: string): Promise<void> {
  let errors = ''
  started.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk
  })
  for (;;) {
    if ((started.exitCode ?? started.signalCode) !== null) throw new Error(`PgBouncer has ended: ${errors}`)
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => {})
    const failure = await client.connect().then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failure === undefined) return client.end()
  }
}
