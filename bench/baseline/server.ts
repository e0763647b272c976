// The service as a competent team writes it without special measures: Fastify with request and response schemas,
// @fastify/jwt with its token cache, Kysely on a pool of connections. A search runs a count and a query for the page.
// Its responses to the requests of the benchmark equal those of the service.
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'
import { type SqlBool, sql } from 'kysely'
import { v7 as makeId } from 'uuid'
import { type InteractionRow, openDatabase } from './database.ts'
import * as schemas from './schemas.ts'

declare module '@fastify/jwt' {
  interface FastifyJWT {
    user: schemas.Claims
  }
}

const { PORT, DATABASE_URL = '', JWT_PUBLIC_KEY = '' } = process.env
const path = '/rtc-api/interactions'
const conflict = { error: 'conflict' }
const notFound = { error: 'not_found' }
const forbidden = { error: 'forbidden' }

const database = openDatabase(DATABASE_URL)
const app = Fastify()
await app.register(fastifyJwt, {
  secret: { public: JWT_PUBLIC_KEY },
  verify: {
    algorithms: ['RS256'],
    allowedIss: 'http://localhost:8080',
    allowedAud: 'interaction-api',
    cache: true,
  },
})
app.addHook('onRequest', async (request) => {
  await request.jwtVerify()
})

app.post<{ Body: schemas.CreateBody }>(
  path,
  { schema: { body: schemas.CreateBody, response: { 200: schemas.Created } } },
  async (request, reply) => {
    const { sub, organization } = request.user
    const { interactionId = makeId(), type = null, data = {} } = request.body
    const created = await database
      .insertInto('interactions')
      .values({ id: interactionId, organization_id: organization, created_by: sub, type, data })
      .onConflict((duplicate) => duplicate.column('id').doNothing())
      .returning(['id', 'version'])
      .executeTakeFirst()
    if (created === undefined) return reply.code(409).send(conflict)
    return { interactionId: created.id, version: created.version }
  },
)

app.get<{ Params: schemas.InteractionPath }>(
  `${path}/:id`,
  { schema: { params: schemas.InteractionPath, response: { 200: schemas.Interaction } } },
  async (request, reply) => {
    const row = await database
      .selectFrom('interactions')
      .selectAll()
      .where('id', '=', request.params.id)
      .executeTakeFirst()
    if (row === undefined) return reply.code(404).send(notFound)
    if (row.organization_id !== request.user.organization) return reply.code(403).send(forbidden)
    return toInteraction(row)
  },
)

app.put<{ Params: schemas.InteractionPath; Body: schemas.UpdateBody }>(
  `${path}/:id`,
  { schema: { params: schemas.InteractionPath, body: schemas.UpdateBody } },
  async (request, reply) => {
    const { type, data, version } = request.body
    const { organization } = request.user
    let update = database
      .updateTable('interactions')
      .set((column) => ({
        ...(type !== undefined && { type }),
        ...(data !== undefined && { data }),
        version: column('version', '+', 1),
      }))
      .where('id', '=', request.params.id)
      .where('organization_id', '=', organization)
    if (version !== undefined) update = update.where('version', '=', version)
    const { numUpdatedRows } = await update.executeTakeFirst()
    if (numUpdatedRows === 1n) return reply.code(204).send()
    const current = await database
      .selectFrom('interactions')
      .select('organization_id')
      .where('id', '=', request.params.id)
      .executeTakeFirst()
    if (current === undefined) return reply.code(404).send(notFound)
    if (current.organization_id !== organization) return reply.code(403).send(forbidden)
    return reply.code(409).send(conflict)
  },
)

app.get<{ Querystring: schemas.SearchQuery }>(
  path,
  { schema: { querystring: schemas.SearchQuery, response: { 200: schemas.InteractionPage } } },
  async (request) => {
    const { start, end, type, customerId, recording, onHoldDurationGt, page, size } = request.query
    let matching = database
      .selectFrom('interactions')
      .where('organization_id', '=', request.user.organization)
      .where('created_at', '>=', new Date(start))
      .where('created_at', '<=', new Date(end))
    if (type) matching = matching.where('type', 'in', type.split(','))
    if (customerId) matching = matching.where(sql<string>`data->>'customerId'`, '=', customerId)
    if (recording === 'media') matching = matching.where(sql<SqlBool>`data->>'recorderId' <> ''`)
    if (onHoldDurationGt !== undefined)
      matching = matching.where(sql<SqlBool>`(data->>'onHoldDuration')::numeric > ${onHoldDurationGt}`)
    const [{ total }, rows] = await Promise.all([
      matching.select(({ fn }) => fn.countAll<number>().as('total')).executeTakeFirstOrThrow(),
      matching
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(size)
        .offset(page * size)
        .execute(),
    ])
    return toPage(rows.map(toInteraction), total, page, size)
  },
)

function toInteraction(row: InteractionRow): schemas.Interaction {
  return {
    id: row.id,
    organizationId: row.organization_id,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    ...(row.type !== null && { type: row.type }),
    data: row.data,
    version: row.version,
  }
}

function toPage(
  content: schemas.Interaction[],
  totalElements: number,
  page: number,
  size: number,
): schemas.InteractionPage {
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
