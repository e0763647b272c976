// The command `distribute`, and the service on what it has distributed.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { expect, inject, onTestFinished, test } from 'vitest'
import { makeTemporaryDirectory } from '../../src/ephemeral/temporary-directory.ts'
import { askForToken } from '../support/ask-for-token.ts'
import { citusImitation } from '../support/citus-imitation.ts'
import { withDatabase } from '../support/postgres-setup.ts'
import { finishCommand, startService } from '../support/service.ts'

/** Creates an empty database, dropped when the test ends. */
async function createDatabase() {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  const admin = new pg.Client({ connectionString: inject('postgresUrl') })
  await admin.connect()
  await admin.query(`create database ${name}`)
  const url = withDatabase(inject('postgresUrl'), name)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  onTestFinished(async () => {
    await client.end()
    await admin.query(`drop database ${name} with (force)`)
    await admin.end()
  })
  return { url, client }
}

test('without Citus, distribute fails with what to install', async () => {
  const { url } = await createDatabase()
  const { code, errors } = await finishCommand(['distribute'], { DATABASE_URL: url })
  expect(code).toBe(1)
  expect(errors).toContain('the database has no Citus')
  expect(errors).toContain('citus_add_node')
})

test.each(['0', '4097', 'many'])('distribute over %s shards is refused', async (shards) => {
  const { url } = await createDatabase()
  const { code, errors } = await finishCommand(['distribute', '--shards', shards], { DATABASE_URL: url })
  expect(code).toBe(1)
  expect(errors).toContain('It must be a whole number from 1 to 4096.')
})

test('distribute drops what keeps totals, keeps what promotes, and changes nothing the second time', async () => {
  const { url, client } = await createDatabase()
  await client.query(citusImitation)
  await finishCommand(['seed', '--count', '20'], { DATABASE_URL: url })
  await client.query('update interaction_day_totals_state set sealed_until = now(), counted_until = now()')
  const first = await finishCommand(['distribute', '--shards', '4'], { DATABASE_URL: url })
  expect(first).toEqual({ code: 0, output: 'Distributed the interactions over 4 shards.\n', errors: '' })
  const triggers = await client.query(`
    select tgname from pg_trigger where tgrelid = 'interactions'::regclass and not tgisinternal order by tgname`)
  expect(triggers.rows.map(({ tgname }) => tgname)).toEqual([
    'interactions_promoted_on_insert',
    'interactions_promoted_on_update',
  ])
  expect((await client.query('select counted_until::text from interaction_day_totals_state')).rows).toEqual([
    { counted_until: '-infinity' },
  ])
  const second = await finishCommand(['distribute', '--shards', '8'], { DATABASE_URL: url })
  expect(second).toEqual({ code: 0, output: 'The interactions are distributed already.\n', errors: '' })
})

test.each([
  ["time_zone = 'Europe/Athens'", 'worker-2.internal:5432: TimeZone Europe/Athens and DateStyle ISO, DMY'],
  ["date_style = 'SQL, DMY'", 'worker-2.internal:5432: TimeZone Etc/UTC and DateStyle SQL, DMY'],
  ['is_lost = true', 'worker-2.internal:5432: failed to connect to worker-2.internal:5432'],
])('a worker with %s is refused by name, also one that is added later', async (change, finding) => {
  const { url, client } = await createDatabase()
  await client.query(citusImitation)
  const changeWorker = `update pg_dist_node set ${change} where nodename = 'worker-2.internal'`
  const refusal =
    `interaction-api: the sessions on each worker must have TimeZone UTC and DateStyle ISO (${finding}): ` +
    "set timezone = 'UTC' and datestyle = 'ISO' there, in postgresql.conf or for the role\n"
  const run = () => finishCommand(['distribute'], { DATABASE_URL: url, LOG_LEVEL: 'error' })

  await client.query(changeWorker)
  expect(await run()).toEqual({ code: 1, output: '', errors: refusal })
  expect((await client.query('select from pg_dist_partition')).rowCount).toBe(0)

  await client.query("update pg_dist_node set time_zone = 'UTC', date_style = 'ISO', is_lost = false")
  expect(await run()).toMatchObject({ code: 0 })
  await client.query(
    `update pg_dist_node set time_zone = 'Etc/UTC', date_style = 'ISO, DMY'; ${changeWorker}`,
  )
  expect(await run()).toEqual({ code: 1, output: '', errors: refusal })
})

test('a failed distribution changes nothing', async () => {
  const { url, client } = await createDatabase()
  await client.query(citusImitation)
  await finishCommand(['migrate'], { DATABASE_URL: url })
  await client.query(`
    create or replace function create_distributed_table(relation regclass, distribution_column text, shard_count integer)
      returns void language plpgsql as $$ begin raise exception 'no worker'; end $$`)
  const { code, errors } = await finishCommand(['distribute'], { DATABASE_URL: url })
  expect([code, errors]).toEqual([1, expect.stringContaining('no worker')])
  const triggers = await client.query(
    "select from pg_trigger where tgrelid = 'interactions'::regclass and tgname like 'interactions_noted_on_%'",
  )
  expect(triggers.rowCount).toBe(4)
})

test('a server counts each total of distributed interactions, and commands work on them', async () => {
  const { url, client } = await createDatabase()
  await client.query(citusImitation)
  const folder = await makeTemporaryDirectory()
  onTestFinished(() => folder.remove())
  const credentials = { clientId: 'reader', clientSecret: randomUUID() }
  const environment = {
    DATABASE_URL: url,
    DATA_DIR: folder.path,
    BOOTSTRAP_CLIENTS: JSON.stringify([{ ...credentials, role: 'AGENT', organizationId: 'acme' }]),
  }
  const run = (...parameters: string[]) => finishCommand(parameters, environment)
  await run('distribute')
  await run('seed', '--organization', 'acme', '--count', '30', '--until', '2024-06-01T00:00:00Z')
  const service = await startService(environment)
  onTestFinished(async () => void (await service.stop()))
  expect(service.errors()).toContain('no totals are kept, and each search counts')
  expect(await (await fetch(`${service.baseUrl}/metrics`)).text()).not.toContain('interaction_totals_')

  const { token } = await askForToken(service.baseUrl, credentials)
  const count = async () => {
    const range = 'start=2024-01-01T00:00:00Z&end=2024-12-31T00:00:00Z'
    const reply = await fetch(`${service.baseUrl}/rtc-api/interactions?${range}&page=1&size=20`, {
      headers: { authorization: `Bearer ${token}` },
    })
    return ((await reply.json()) as { totalElements: number }).totalElements
  }
  expect(await count()).toBe(30)
  expect(await run('totals', 'verify')).toMatchObject({ code: 0, output: 'All totals are correct.\n' })
  const range = ['--start', '2024-01-01T00:00:00Z', '--end', '2024-12-31T00:00:00Z']
  const exported = await run('export', ...range, '--out', '-')
  expect(exported.output.trim().split('\n')).toHaveLength(30)
  expect(await run('purge', '--before', '2024-12-31')).toMatchObject({ output: 'Deleted 30 interactions.\n' })
  expect(await count()).toBe(0)
})
