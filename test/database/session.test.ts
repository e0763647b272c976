// Sessions whose settings differ from those that the service requests, as behind a pooler that drops startup parameters.
import { sql } from 'kysely'
import pg from 'pg'
import { pino } from 'pino'
import { expect, inject, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { checkSession } from '../../src/database/session.ts'
import { startServer } from '../../src/server.ts'
import { cloneDatabase } from '../support/database.ts'
import { signingKeyPem } from '../support/keys.ts'
import { testDatabaseSettings, withDatabase } from '../support/postgres-setup.ts'
import { startSessionProxy } from './support/rewriting-proxy.ts'

test.each([
  ['-c TimeZone=Europe/Athens', 'TimeZone Europe/Athens and DateStyle ISO'],
  ['-c TimeZone=UTC -c DateStyle=German', 'TimeZone UTC and DateStyle German'],
])('with %s the server does not start, reports why, and changes nothing', async (options, why) => {
  const admin = new pg.Client({ connectionString: inject('postgresUrl') })
  await admin.connect()
  await admin.query('create database unprepared')
  onTestFinished(async () => {
    await admin.query('drop database unprepared with (force)')
    await admin.end()
  })
  const plain = withDatabase(inject('postgresUrl'), 'unprepared')
  const config = readConfig({ PORT: '0', DATABASE_URL: plain, JWT_PRIVATE_KEY: signingKeyPem })
  const settings = {
    ...config,
    database: { ...config.database, url: await startSessionProxy(plain, options) },
  }
  const started = startServer(settings, pino({ level: 'silent' }))
  await expect(started).rejects.toThrow(why)

  const database = openDatabase({ ...testDatabaseSettings, url: plain }, () => {})
  onTestFinished(() => database.close())
  const { rows } = await sql`select from pg_class where relname = 'schema_migrations'`.execute(
    database.kysely,
  )
  expect(rows).toEqual([])
})

test.each(['-c TimeZone=UTC -c DateStyle=ISO', '-c TimeZone=Etc/UTC -c DateStyle=ISO,DMY'])(
  'sessions with %s pass the check, which reports that other settings are missing',
  async (options) => {
    const { url } = await cloneDatabase()
    const proxied = await startSessionProxy(url, options)
    const database = openDatabase({ ...testDatabaseSettings, url: proxied }, () => {})
    onTestFinished(() => database.close())
    expect(await checkSession(database.kysely)).toBe(false)
  },
)

test.each([true, false])('with DATABASE_POOLER=%s, no setting is missing', async (usesPooler) => {
  const { url } = await cloneDatabase()
  const database = openDatabase({ ...testDatabaseSettings, url, usesPooler }, () => {})
  onTestFinished(() => database.close())
  expect(await checkSession(database.kysely)).toBe(true)
})

test('a server whose sessions lack settings starts, and says which setting helps', async () => {
  const { url } = await cloneDatabase()
  const config = readConfig({ PORT: '0', DATABASE_URL: url, JWT_PRIVATE_KEY: signingKeyPem })
  const pooled = await startSessionProxy(url, '-c TimeZone=UTC -c DateStyle=ISO')
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) })
  const server = await startServer({ ...config, database: { ...config.database, url: pooled } }, log)
  onTestFinished(() => server.close())
  expect(logged.join()).toContain('set DATABASE_POOLER=true')
})
