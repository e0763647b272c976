// Concurrent requests of several organizations get the same responses as from a plain implementation that handles them
// one after the other.
import fc from 'fast-check'
import { sql } from 'kysely'
import { Pool } from 'pg'
import { afterAll, expect, test } from 'vitest'
import { amount } from '../support/amount.ts'
import { startTestApp } from '../support/app.ts'
import { cloneDatabase } from '../support/database.ts'
import {
  type PlainBody,
  type PlainCaller,
  type PlainResponse,
  plainService,
} from '../support/plain-service.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'

const { call, database } = await startTestApp()
const plainDatabase = await cloneDatabase()
const pool = new Pool({ connectionString: plainDatabase.url })
// dropping the database ends connections that are still open
pool.on('error', () => {})
afterAll(() => pool.end())
const plain = plainService(pool)

const callers = [
  { userId: 'agent-1', organizationId: 'acme', token: agentToken('acme', 'agent-1') },
  { userId: 'agent-1', organizationId: 'globex', token: agentToken('globex', 'agent-1') },
  { userId: 'service-1', organizationId: undefined, token: serviceToken('service-1') },
]

type Request = { readonly caller: number; readonly id: string } & (
  | { readonly kind: 'create' | 'update'; readonly body: PlainBody }
  | { readonly kind: 'get' }
  | { readonly kind: 'list'; readonly type: string | undefined; readonly page: number; readonly size: number }
)

const data = fc.option(
  fc.dictionary(fc.string({ unit: 'grapheme-ascii' }), fc.oneof(fc.string({ maxLength: 40 }), fc.integer())),
  { nil: undefined },
)
const type = fc.constantFrom(undefined, 'audio', 'video', 'chat')
const caller = fc.nat({ max: callers.length - 1 })
const version = fc.constantFrom(undefined, 0, 1, 2)

/** Concurrent requests with different ids, so that the order in which they are handled does not matter. */
const writers = fc
  .shuffledSubarray(
    Array.from({ length: 60 }, (_, n) => `id-${n}`),
    { minLength: 1 },
  )
  .chain((ids) => fc.tuple(...ids.map(requestFor)))
const readers = fc.array(
  fc.record({
    kind: fc.constant('list' as const),
    id: fc.constant(''),
    caller,
    type,
    page: fc.nat({ max: 3 }),
    size: fc.integer({ min: 1, max: 9 }),
  }),
  { minLength: 1, maxLength: 20 },
)

function requestFor(id: string): fc.Arbitrary<Request> {
  const organizationId = fc.constantFrom('acme', 'globex', 'initech')
  return fc.oneof(
    fc.record({
      kind: fc.constant('create' as const),
      id: fc.constant(id),
      caller,
      body: fc.record({ interactionId: fc.constant(id), organizationId, type, data }),
    }),
    fc.record({
      kind: fc.constant('update' as const),
      id: fc.constant(id),
      caller,
      body: fc.record({ type, data, version }),
    }),
    fc.record({ kind: fc.constant('get' as const), id: fc.constant(id), caller }),
  )
}

test('concurrent requests get the responses of a plain implementation', async () => {
  const rounds = fc.array(fc.oneof(writers, readers), { minLength: 3, maxLength: 10 })
  await fc.assert(
    fc.asyncProperty(rounds, async (all) => {
      for (const { kysely } of [database, plainDatabase.database])
        await sql`truncate interactions`.execute(kysely)
      for (const requests of all) {
        const together = await Promise.all(requests.map(respond))
        for (const [index, request] of requests.entries())
          expect([request, together[index]]).toEqual([request, await plainResponse(request)])
      }
    }),
    { numRuns: amount(60) },
  )
})

async function respond(request: Request): Promise<PlainResponse> {
  const reply = await send(request)
  if (reply.statusCode !== 200) return { status: reply.statusCode }
  const body = reply.json()
  if (request.kind !== 'list') return { status: 200, body: withoutDate(body) }
  const { content, totalElements, number, size } = body
  return { status: 200, body: { content: content.map(withoutDate), totalElements, number, size } }
}

function send(request: Request) {
  const token = callers[request.caller]?.token ?? ''
  switch (request.kind) {
    case 'create':
      return call(token, 'POST', '', request.body)
    case 'update':
      return call(token, 'PUT', `/${request.id}`, request.body)
    case 'get':
      return call(token, 'GET', `/${request.id}`)
    case 'list': {
      const { type, page, size } = request
      const filter = type === undefined ? '' : `&type=${type}`
      const range = 'start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z'
      return call(token, 'GET', `?${range}&page=${page}&size=${size}&sort=id${filter}`)
    }
  }
}

function plainResponse(request: Request): Promise<PlainResponse> {
  const from: PlainCaller = callers[request.caller] ?? { userId: '', organizationId: '' }
  switch (request.kind) {
    case 'create':
      return plain.create(from, request.body)
    case 'update':
      return plain.update(from, request.id, request.body)
    case 'get':
      return plain.get(from, request.id)
    case 'list':
      return plain.list(from, request.type, request.page, request.size)
  }
}

function withoutDate({ createdAt: _, ...rest }: { createdAt?: string }): object {
  return rest
}
