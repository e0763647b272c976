// The four operations: read the request, call one function of the repository, turn its outcome into a reply.
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { v7 as makeId } from 'uuid'
import type { Caller } from '../auth/plugin.ts'
import { type AdmissionLimits, limitWaiting } from '../http/admission.ts'
import { sendCompressed } from '../http/compression.ts'
import { nothingHere, refuseOtherMethods } from '../http/errors.ts'
import { pageLinks } from '../http/links.ts'
import { type Faults, forbidden, InvalidRequest, Problem } from '../http/problem.ts'
import { identifierError } from '../types/identifier.ts'
import { type CreateCommand, readCreateCommand, readUpdateCommand } from './commands.ts'
import { updateConditionally } from './conditional-update.ts'
import { readCriteria } from './criteria.ts'
import { readIdempotencyKey, toIdempotencyKey } from './idempotency-key.ts'
import { acceptJsonAsText, bodyText } from './json-body.ts'
import { around, loadInPieces } from './large-page.ts'
import { wantedFormat, writeLines } from './lines.ts'
import { operations } from './operations.ts'
import { countPages, pageEnvelope, readPageable } from './page.ts'
import { readPreconditions, toEntityTag } from './preconditions.ts'
import type { InteractionRepository } from './repository.ts'
import type { CreateOnce } from './sql/idempotent-insert.ts'
import type { NewInteraction } from './sql/insert.ts'
import { isByDate, totalOrder } from './sql/order.ts'
import { interactionJson } from './sql/rows.ts'
import type { Walk } from './sql/scan.ts'

export interface InteractionOptions {
  readonly repository: InteractionRepository
  readonly createOnce: CreateOnce
  readonly walk: Walk
  /** how many searches that are not brief may be under way at once, and how long any request may wait for its turn */
  readonly searches: AdmissionLimits
  /** where callers reach the service, when that is known */
  readonly publicUrl: string | undefined
}

/** Enough to fill the batches that the repository has under way at once, and the next ones. */
const readsAtOnce = 300
const writesAtOnce = 400
const briefSearchesAtOnce = 64

/** Expects `request.caller` to be set by an onRequest hook of the scope that it is registered in. */
export async function interactionRoutes(
  app: FastifyInstance,
  { repository, createOnce, walk, searches, publicUrl = '' }: InteractionOptions,
): Promise<void> {
  // apart, so that too many of one kind leave the others as they are
  const admitRead = limitWaiting({ ...searches, concurrency: readsAtOnce })
  const admitWrite = limitWaiting({ ...searches, concurrency: writesAtOnce })
  const admitBriefSearch = limitWaiting({ ...searches, concurrency: briefSearchesAtOnce })
  const admitSearch = limitWaiting(searches)
  const createNew = async (interaction: NewInteraction) => {
    if ((await repository.create(interaction)) === 'created') return interaction.id
    throw new Problem('conflict', 'An interaction of this id exists already.')
  }
  const createKeyed = async (caller: Caller, key: string, interaction: NewInteraction) => {
    const id = await createOnce({ ...interaction, ...toIdempotencyKey(caller, key, interaction) })
    if (id !== undefined) return id
    throw new Problem('idempotency_key_reused', 'The Idempotency-Key was used for another creation.')
  }
  acceptJsonAsText(app)
  app.addHook<{ Params: { interactionId?: string } }>('onRequest', ({ params }, _reply, done) => {
    // a slash with nothing behind it is another path
    done(params.interactionId === '' ? nothingHere() : undefined)
  })

  app.post('/interactions', { schema: operations.create }, async (request, reply) => {
    const faults: Faults = {}
    const command = readCreateCommand(bodyText(request), faults)
    const organizationId = request.caller.organizationId ?? requireOrganizationId(command, faults)
    const header = command.interactionId === undefined ? request.headers['idempotency-key'] : undefined
    const key = readIdempotencyKey(header, faults)
    refuseFaulty(faults)
    const interaction = {
      id: command.interactionId ?? makeId(),
      organizationId,
      createdBy: request.caller.userId,
      type: command.type,
      data: command.data ?? '{}',
    }
    const id = await admitWrite(() =>
      key === undefined ? createNew(interaction) : createKeyed(request.caller, key, interaction),
    )
    reply.header('location', `/rtc-api/interactions/${encodeURIComponent(id)}`)
    reply.header('etag', toEntityTag('0'))
    return { interactionId: id, version: 0 }
  })

  app.get('/interactions', { schema: operations.list }, async (request, reply) => {
    const faults: Faults = {}
    const values = parameterValues(request)
    const criteria = readCriteria(values, faults)
    const pageable = readPageable(values, faults)
    const format = wantedFormat(request.headers)
    if (format !== undefined && !isByDate(pageable.sort))
      faults.sort ??= 'must be createdAt alone where the answer is no page'
    refuseFaulty(faults)
    const { organizationId } = request.caller
    if (organizationId !== undefined && (criteria.organizationId ?? organizationId) !== organizationId)
      throw forbidden('The caller belongs to another organization')
    const sought = { ...criteria, organizationId: organizationId ?? criteria.organizationId }
    if (format !== undefined) {
      const [order] = totalOrder(pageable.sort)
      const batches = walk(sought, { direction: order?.direction ?? 'desc' })
      const texts = request.method === 'HEAD' ? [] : await admitSearch(() => writeLines(format, batches))
      return sendCompressed(
        request,
        reply.type(format.contentType),
        Readable.from(texts, { objectMode: false }),
      )
    }
    const admit = repository.isBrief(sought, pageable) ? admitBriefSearch : admitSearch
    const { found, total, content } = await admit(() => repository.search(sought, pageable))
    const [head, tail] = pageEnvelope(pageable, found, total)
    const pages = countPages(pageable, found, total)
    const links = pageLinks(publicUrl + request.routeOptions.url, request.url, pageable.page, pages)
    if (links !== undefined) reply.header('link', links)
    const text =
      typeof content === 'string'
        ? head + content + tail
        : Readable.from(around(head, loadInPieces(content, repository.findAll), tail))
    return sendCompressed(request, reply.type('application/json'), text)
  })
  refuseOtherMethods(app, '/interactions', ['GET', 'POST'])

  app.get('/interactions/:interactionId', { schema: operations.get }, async (request, reply) => {
    const faults: Faults = {}
    const id = readId(request, faults)
    const preconditions = readPreconditions(request.headers, faults)
    refuseFaulty(faults)
    const row = await admitRead(() => repository.find(id))
    if (row === undefined) throw missing()
    if (row.organization_id !== (request.caller.organizationId ?? row.organization_id)) throw foreign()
    if (preconditions?.ifMatch(row.version) === false) throw unmatched()
    reply.header('etag', toEntityTag(row.version))
    if (preconditions?.ifNoneMatch(row.version) === false) return reply.code(304).send()
    return reply.type('application/json').send(interactionJson(row))
  })

  app.put('/interactions/:interactionId', { schema: operations.update }, async (request, reply) => {
    const faults: Faults = {}
    const id = readId(request, faults)
    const command = readUpdateCommand(bodyText(request), faults)
    const preconditions = readPreconditions(request.headers, faults)
    refuseFaulty(faults)
    const update = { id, organizationId: request.caller.organizationId, ...command }
    const outcome = await admitWrite(() =>
      preconditions === undefined
        ? repository.update(update)
        : updateConditionally(repository, update, preconditions),
    )
    switch (outcome) {
      case 'updated':
        return reply.code(204).send()
      case 'missing':
        throw missing()
      case 'foreign':
        throw foreign()
      case 'unmatched':
        throw unmatched()
      case 'stale':
        throw new Problem('conflict', 'The interaction has another version by now.')
    }
  })
  refuseOtherMethods(app, '/interactions/:interactionId', ['GET', 'PUT'])
}

const missing = () => new Problem('not_found', 'There is no interaction of this id.')
const foreign = () => forbidden('The interaction belongs to another organization')
const unmatched = () => new Problem('precondition_failed', 'The interaction has another version by now.')

function refuseFaulty(faults: Faults): void {
  if (Object.keys(faults).length > 0) throw new InvalidRequest(faults)
}

/** @returns an organization's id, or whatever text with a fault added */
function requireOrganizationId({ organizationId }: CreateCommand, faults: Faults): string {
  const fault =
    organizationId === undefined
      ? 'is required of callers of the SERVICE role'
      : identifierError(organizationId)
  if (fault !== undefined) faults.organizationId ??= fault
  return organizationId ?? ''
}

function readId({ params }: FastifyRequest, faults: Faults): string {
  const { interactionId } = params as { interactionId: string }
  const fault = identifierError(interactionId)
  if (fault !== undefined) faults.interactionId = fault
  return interactionId
}

function parameterValues({ query }: FastifyRequest) {
  const parameters = query as Readonly<Record<string, string | string[] | undefined>>
  return (name: string): readonly string[] => {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined
    return typeof value === 'string' ? [value] : (value ?? [])
  }
}
