// The service as one writes it straight away: Fastify, @fastify/jwt, Kysely and a pool; a count and a page for each
// list; filters that look into the data. Honest code, without handicap, that gives the same answers for what the
// benchmark asks.
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'
import { type Generated, Kysely, PostgresDialect, type RawBuilder, type SqlBool, sql } from 'kysely'
import pg from 'pg'
import { v4 as makeId } from 'uuid'

interface Tables {
  interactions: {
    id: string
    organization_id: string
    created_by: string
    created_at: Generated<Date>
    type: string | null
    data: Record<string, unknown>
    version: Generated<number>
  }
}

interface Claims {
  sub: string
  organization: string
}

const { PORT, DATABASE_URL, JWT_PUBLIC_KEY = '' } = process.env
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10, options: '-c random_page_cost=1.1' })
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
const app = Fastify()
await app.register(fastifyJwt, { secret: { public: JWT_PUBLIC_KEY }, verify: { algorithms: ['RS256'] } })
app.addHook('onRequest', async (request) => {
  await request.jwtVerify()
})

app.post<{ Body: { interactionId?: string; type?: string; data?: Record<string, unknown> } }>(
  '/rtc-api/interactions',
  async (request, reply) => {
    const { sub, organization } = request.user as Claims
    const { interactionId = makeId(), type = null, data = {} } = request.body
    const created = await db
      .insertInto('interactions')
      .values({ id: interactionId, organization_id: organization, created_by: sub, type, data })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returning(['id', 'version'])
      .executeTakeFirst()
    if (created === undefined) return reply.code(409).send({ error: 'conflict' })
    return { interactionId: created.id, version: created.version }
  },
)

app.get<{ Params: { id: string } }>('/rtc-api/interactions/:id', async (request, reply) => {
  const row = await db
    .selectFrom('interactions')
    .selectAll()
    .where('id', '=', request.params.id)
    .executeTakeFirst()
  if (row === undefined) return reply.code(404).send({ error: 'not_found' })
  if (row.organization_id !== (request.user as Claims).organization)
    return reply.code(403).send({ error: 'forbidden' })
  return toInteraction(row)
})

app.put<{
  Params: { id: string }
  Body: { type?: string; data?: Record<string, unknown>; version?: number }
}>('/rtc-api/interactions/:id', async (request, reply) => {
  const { type, data, version } = request.body
  const current = await db
    .selectFrom('interactions')
    .select(['organization_id', 'version'])
    .where('id', '=', request.params.id)
    .executeTakeFirst()
  if (current === undefined) return reply.code(404).send({ error: 'not_found' })
  if (current.organization_id !== (request.user as Claims).organization)
    return reply.code(403).send({ error: 'forbidden' })
  if (version !== undefined && version !== current.version) return reply.code(409).send({ error: 'conflict' })
  const { numUpdatedRows } = await db
    .updateTable('interactions')
    .set({ ...(type && { type }), ...(data && { data }), version: current.version + 1 })
    .where('id', '=', request.params.id)
    .where('version', '=', current.version)
    .executeTakeFirst()
  return numUpdatedRows === 1n ? reply.code(204).send() : reply.code(409).send({ error: 'conflict' })
})

app.get<{ Querystring: Record<string, string | undefined> }>('/rtc-api/interactions', async (request) => {
  const {
    start = '',
    end = '',
    type,
    customerId,
    recording,
    onHoldDurationGt,
    page = '0',
    size = '20',
  } = request.query
  let matching = db
    .selectFrom('interactions')
    .where('organization_id', '=', (request.user as Claims).organization)
    .where('created_at', '>=', new Date(start))
    .where('created_at', '<=', new Date(end))
  if (type) matching = matching.where('type', 'in', type.split(','))
  if (customerId) matching = matching.where(inData`customerId`, '=', customerId)
  if (recording === 'media') matching = matching.where(sql<SqlBool>`data->>'recorderId' <> ''`)
  if (onHoldDurationGt)
    matching = matching.where(sql<SqlBool>`(data->>'onHoldDuration')::numeric > ${onHoldDurationGt}`)
  const [total, rows] = await Promise.all([
    matching.select((select) => select.fn.countAll<number>().as('count')).executeTakeFirstOrThrow(),
    matching
      .selectAll()
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(Number(size))
      .offset(Number(page) * Number(size))
      .execute(),
  ])
  return toPage(rows.map(toInteraction), total.count, Number(page), Number(size))
})

function inData([member]: TemplateStringsArray): RawBuilder<string> {
  return sql<string>`data->>${sql.lit(member)}`
}

interface Row {
  id: string
  organization_id: string
  created_by: string
  created_at: Date
  type: string | null
  data: Record<string, unknown>
  version: number
}

function toInteraction({ id, organization_id, created_by, created_at, type, data, version }: Row) {
  return {
    id,
    organizationId: organization_id,
    createdBy: created_by,
    createdAt: created_at.toISOString(),
    ...(type !== null && { type }),
    data,
    version,
  }
}

function toPage(content: object[], totalElements: number, page: number, size: number) {
  const sort = { empty: true, sorted: false, unsorted: true }
  const totalPages = Math.ceil(totalElements / size)
  return {
    content,
    pageable: { pageNumber: page, pageSize: size, sort, offset: page * size, paged: true, unpaged: false },
    totalElements,
    totalPages,
    last: page + 1 >= totalPages,
    size,
    number: page,
    sort,
    first: page === 0,
    numberOfElements: content.length,
    empty: content.length === 0,
  }
}

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
process.stdout.write('listening\n')
