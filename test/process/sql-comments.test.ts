// Statements that carry the trace of their request as a comment.
import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { askForToken, createInteraction, dataDirectory, demoClients, serve } from './support/caller.ts'

const search = '?start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z&tags=vip'
const traceId = (number: number) => `${number}`.padStart(32, '4bf92f3577b34da6a3ce929d0e0e4736')

/** Starts a service that exports no spans, and locks its table. */
async function startLocked(environment: Record<string, string>) {
  const folder = await dataDirectory()
  const service = await serve({ PORT: '', DATA_DIR: folder, ...environment })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  const id = await createInteraction(service, token)
  const connectionString = await findEmbeddedPostgres(folder)
  const open = async () => {
    const client = new Client({ connectionString })
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }
  const [lock, watch] = [await open(), await open()]
  await lock.query('begin')
  await lock.query('lock table interactions in access exclusive mode')
  return {
    id,
    unlock: () => lock.query('commit'),
    /** Calls the service within a trace. @returns the status of the response */
    async call(path: string, trace: string, body?: object) {
      const response = await fetch(`${service.baseUrl}/rtc-api/interactions${path}`, {
        method: body === undefined ? 'GET' : 'PUT',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          traceparent: `00-${trace}-00f067aa0ba902b7-01`,
        },
        body: body === undefined ? null : JSON.stringify(body),
      })
      return response.status
    },
    /** Returns the traces of the statements that wait for the table, in order. */
    async waiting() {
      const { rows } = await watch.query<{ query: string }>(
        `select query from pg_stat_activity where wait_event_type = 'Lock'`,
      )
      return rows
        .map(({ query }) => /^\s*\w+ \/\*traceparent='00-(\w{32})-\w{16}-01'\*\//.exec(query)?.[1] ?? 'none')
        .sort()
    },
  }
}

test('statements that wait show the traces of their requests, however often they run', async () => {
  const { id, call, waiting, unlock } = await startLocked({ SQL_COMMENTER: 'true' })
  const first = call(search, traceId(1))
  await expect.poll(waiting).toEqual([traceId(1)])
  const update = call(`/${id}`, traceId(2), { data: { by: 'us' } })
  // once it has met the lock on the shared connection
  await expect.poll(waiting).toEqual([traceId(1), traceId(2)])
  await unlock()
  expect(await Promise.all([first, update])).toEqual([200, 204])
  for (let number = 3; number < 9; number++) expect(await call(search, traceId(number))).toBe(200)
})

test('without SQL_COMMENTER they do not', async () => {
  const { call, waiting, unlock } = await startLocked({})
  const first = call(search, traceId(1))
  await expect.poll(waiting).toEqual(['none'])
  await unlock()
  expect(await first).toBe(200)
})
