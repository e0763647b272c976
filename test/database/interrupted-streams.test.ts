// Streams of lines that end early: the client sees that the body is incomplete, and nothing is left running.
import { once } from 'node:events'
import { get as httpGet, type IncomingMessage } from 'node:http'
import Fastify from 'fastify'
import { sql } from 'kysely'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { limitWaiting } from '../../src/http/admission.ts'
import { validatorCompiler } from '../../src/http/validation.ts'
import { listRoute } from '../../src/interactions/list.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import type { Scan } from '../../src/interactions/sql/scan.ts'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'
import { agentToken, bearer } from '../support/tokens.ts'

const { app, database, databaseUrl, inject } = await startTestApp({ UNREAD_LIMIT_BYTES: '16777216' })
const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })
const { kysely } = database
const url = `/rtc-api/interactions${query(always)}`
const headers = { ...bearer(agentToken()), accept: 'application/x-ndjson' }
// more bytes than the socket buffers hold
await sql`
  insert into interactions (id, organization_id, created_by, data)
  select 'id-' || n, 'acme', 'agent', json_build_object('text', (
    select string_agg(md5(n::text || ' ' || m), '') from generate_series(1, 3000) as m
  ))
  from generate_series(1, 400) as n`.execute(kysely)

/** undefined: not compressed */
const codings = [undefined, 'gzip', 'br'] as const
type Coding = (typeof codings)[number]

/** Sends a request and reads only the first chunk of the body. */
async function startReading(from = baseUrl, coding?: Coding): Promise<IncomingMessage> {
  const accepted = coding === undefined ? {} : { 'accept-encoding': coding }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpGet(from + url, { headers: { ...headers, ...accepted }, agent: false }, resolve).on('error', reject)
  })
  await once(response, 'readable')
  expect(response.statusCode).toBe(200)
  expect(response.headers['content-encoding']).toBe(coding)
  return response
}

async function readToEnd(response: IncomingMessage): Promise<number> {
  let bytes = 0
  for await (const chunk of response) bytes += chunk.length
  return bytes
}

test('a client that does not read holds no database connection', async () => {
  const response = await startReading()
  for (;;) {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'`.execute(kysely)
    if (rows.length === 0) break
  }
  expect(await readToEnd(response)).toBeGreaterThan(400 * 96_000)
  expect(response.complete).toBe(true)
})

test('concurrent streams all complete, because each buffers little', async () => {
  const responses = await Promise.all(Array.from({ length: 5 }, () => startReading()))
  await Promise.all(responses.map(readToEnd))
  expect(responses.map(({ complete }) => complete)).toEqual(responses.map(() => true))
})

test.each(codings)(
  'a failure during a stream aborts the body, so that the client sees it as incomplete (%s)',
  async (coding) => {
    const response = await startReading(baseUrl, coding)
    await sql`alter table interactions rename to elsewhere`.execute(kysely)
    await expect(readToEnd(response)).rejects.toThrow('aborted')
    expect(response.complete).toBe(false)
    const reply = await inject({ url, headers })
    expect(reply.statusCode).toBe(500)
    expect(reply.json()).toHaveProperty('error', 'internal_error')
    await sql`alter table elsewhere rename to interactions`.execute(kysely)
  },
)

test.each(codings)('a scan ends when its client disconnects (%s)', async (coding) => {
  const own = openDatabase({ ...testDatabaseSettings, url: databaseUrl }, () => {})
  onTestFinished(() => own.close())
  const repository = interactionRepository(own, { keepsTotals: false })
  let hasEnded = false
  const scan: Scan = async function* (criteria, options) {
    try {
      yield* repository.scan(criteria, options)
    } finally {
      hasEnded = true
    }
  }
  const observed = Fastify()
  onTestFinished(() => observed.close())
  observed.setValidatorCompiler(validatorCompiler)
  observed.setSerializerCompiler(() => JSON.stringify)
  observed.decorateRequest('caller')
  observed.addHook('onRequest', async (request) => {
    request.caller = {
      kind: 'AGENT',
      userId: 'agent',
      organizationId: 'acme',
      mayRead: true,
      mayWrite: true,
    }
  })
  const admit = limitWaiting({ concurrency: 1, longestWaitMs: 10_000 })
  await observed.register(
    async (scope) => {
      listRoute(scope, {
        repository: { ...repository, scan },
        admit: { cheap: admit, short: admit, long: admit },
        searchTimeoutMs: 5000,
        publicUrl: '',
      })
    },
    { prefix: '/rtc-api' },
  )
  const response = await startReading(await observed.listen({ host: '127.0.0.1', port: 0 }), coding)
  expect(hasEnded).toBe(false)
  response.destroy()
  await vi.waitUntil(() => hasEnded, { timeout: 10_000 })
})
