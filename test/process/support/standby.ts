// A primary and a standby that follows it by streaming replication.
import { execFileSync } from 'node:child_process'
import { chownSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Client } from 'pg'
import type { EmbeddedPostgres } from '../../../src/embedded/postgres.ts'
import { dataDirectory, temporaryFolder } from './caller.ts'
import { query, start } from './embedded.ts'

const replication = { wal_level: 'replica', max_wal_senders: '5', fsync: 'off' }

export interface Cluster {
  readonly primary: EmbeddedPostgres
  readonly standby: EmbeddedPostgres
}

/** Starts both, with the current schema. The standby is called `follower` in synchronous_standby_names. */
export async function startCluster(): Promise<Cluster> {
  const folder = await dataDirectory()
  const primary = await start(folder, { settings: replication })
  const copy = await copyRunning(folder, primary.url)
  const { hostname, port, username, password } = new URL(primary.url)
  const primary_conninfo = `host=${hostname} port=${port} user=${username} password=${password} application_name=follower`
  const standby = await start(copy, { settings: { ...replication, primary_conninfo } })
  return { primary, standby }
}

/** Copies the data directory of a running PostgreSQL for a standby (PostgreSQL documentation, "Low Level API"). */
async function copyRunning(folder: string, url: string): Promise<string> {
  const copy = await temporaryFolder()
  const client = new Client(url)
  await client.connect()
  await client.query(`select pg_backup_start('copy', true)`)
  // Node's own copy does not keep the owner, as whom PostgreSQL runs.
  execFileSync('cp', ['-a', `${folder}/.`, copy])
  const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)')
  await client.end()
  const cluster = path.join(copy, 'postgres')
  for (const file of ['postmaster.pid', 'postmaster.opts']) rmSync(path.join(cluster, file))
  const { uid, gid } = statSync(cluster)
  for (const [name, text] of Object.entries({
    backup_label: rows[0]?.labelfile ?? '',
    'standby.signal': '',
  })) {
    const file = path.join(cluster, name)
    writeFileSync(file, text, { mode: 0o600 })
    chownSync(file, uid, gid)
  }
  return copy
}

/** Lets a commit wait until the standby shows it to its readers. */
export async function replicateSynchronously({ primary }: Cluster): Promise<void> {
  await query(primary.url, `alter system set synchronous_standby_names = 'follower'`)
  await query(primary.url, 'alter system set synchronous_commit = remote_apply')
  await query(primary.url, 'select pg_reload_conf()')
}

export async function promote({ standby }: Cluster): Promise<void> {
  await query(standby.url, 'select pg_promote()')
}
