// Connections and requests to cancel that are lost in the moment that they are made.
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { databaseFailure, isCancelled } from '../../src/database/sqlstate.ts'
import { cloneDatabase } from '../support/database.ts'
import { errorResponse, message } from '../support/postgres-messages.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { type Rewrites, startRewritingProxy } from './support/rewriting-proxy.ts'

const { url } = await cloneDatabase()

async function openBehindProxy(rewrites: Rewrites) {
  const proxied = await startRewritingProxy(url, rewrites)
  const database = openDatabase({ ...testDatabaseSettings, statementTimeoutMs: 0, url: proxied }, () => {})
  onTestFinished(() => database.close())
  return database
}

const readyForQuery = message('Z', 'I')
const terminated = errorResponse('57P01', 'terminating connection due to administrator command')

test.each(['reads', undefined] as const)(
  'a connection that PostgreSQL terminates as soon as it is ready fails its statement alone (shares %s)',
  async (shares) => {
    let terminations = 0
    const database = await openBehindProxy({
      response: (part) => {
        if (terminations > 0 || !part.subarray(-readyForQuery.length).equals(readyForQuery)) return part
        terminations++
        return Buffer.concat([part, terminated])
      },
    })
    const compose = () => sql<{ one: number }>`select 1 as one`.compile(database.kysely)
    const select = database.prepare('', compose, shares && { shares })
    const failure = await select({}).catch((error: unknown) => error)
    expect(databaseFailure(failure)).toBe('unavailable')
    expect(await select({})).toEqual([{ one: 1 }])
    expect(terminations).toBe(1)
  },
)

test('a statement is cancelled although the first requests to cancel it are lost', async () => {
  const cancelRequestCode = 80_877_102
  let requests = 0
  const database = await openBehindProxy({
    first: (startup) => {
      if (startup.readInt32BE(4) !== cancelRequestCode) return startup
      requests++
      return requests > 2 ? startup : undefined
    },
  })
  const sleep = database.prepare('', () => sql`select pg_sleep(60)`.compile(database.kysely))
  const failure = await sleep({}, { timeoutMs: 10 }).catch((error: unknown) => error)
  expect(isCancelled(failure)).toBe(true)
  expect(requests).toBe(3)
})
