// GET /rtc-api/interactions (contract §6)
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import { isInScope, organizationScope } from '../auth/plugin.ts'
import { requireScope } from '../auth/scopes.ts'
import { isCancelled } from '../database/sqlstate.ts'
import type { Admission } from '../http/admission.ts'
import { sendCompressed } from '../http/compression.ts'
import { whileConnected } from '../http/limits/hang-up.ts'
import { holderOf } from '../http/limits/holder.ts'
import { pageLinks } from '../http/links.ts'
import { unavailableResponse } from '../http/openapi/openapi.ts'
import { forbidden, InvalidRequest, Problem } from '../http/problem.ts'
import { streamTexts } from '../http/slices.ts'
import type { TypeBoxTypeProvider } from '../http/validation.ts'
import { around, heldPageBytes, loadInPieces } from './large-page.ts'
import { preferredFormat, writeLines } from './lines.ts'
import { countPages, pageEnvelope, toPageable } from './page.ts'
import type { InteractionRepository } from './repository.ts'
import {
  forbiddenResponse,
  invalid,
  operation,
  PageInteraction,
  tooManyRequests,
  unauthorized,
} from './responses.ts'
import { InteractionQuery } from './schemas.ts'
import type { Criteria } from './sql/matching.ts'
import { isByDate, type Pageable, totalOrder } from './sql/order.ts'
import type { SearchCost } from './sql/search.ts'

/** About how much of a stream of lines is in memory, in bytes: a batch, and its text. */
const heldStreamBytes = 1_048_576

const lines = (description: string) => ({ schema: Type.String({ description }) })

const schema = {
  ...operation('interactions:read'),
  operationId: 'listInteractions',
  summary: 'Search interactions by date',
  description:
    'Returns one page of the interactions that were created in a range of time and match all filters, with their exact number.\n\n' +
    'With `Accept: application/x-ndjson` or `Accept: text/csv`, returns all of them as a stream of lines: `page` and `size` have no effect, and `sort` may name `createdAt` only. Each interaction that matches during the whole stream appears once, in its state when it is read. The response is complete when its body ends as HTTP requires (the last chunk of HTTP/1.1); after an error the connection is closed before that, which HTTP clients report.',
  querystring: InteractionQuery,
  response: {
    200: {
      description: 'The page, empty beyond the end; or all matching interactions, line by line',
      headers: {
        link: Type.String({
          description:
            'The first, previous, next and last page with the same parameters (RFC 8288). Absent for lines, and when the parameters have more than about 700 characters.',
        }),
      },
      content: {
        'application/json': { schema: Type.Ref(`${PageInteraction.$id}#`) },
        'application/x-ndjson': lines(
          'An interaction per line. Line breaks between the tokens of `data` become spaces; a further member `dataText` then has the exact text of `data` as a string.',
        ),
        'text/csv': lines(
          'RFC 4180 with a header: id, organizationId, createdBy, createdAt, type, data, version. Values are not altered, even where a spreadsheet would take them for formulas: import the columns as text. With `text/csv; bom=true`, or the parameter `bom=true`, a byte order mark comes first.',
        ),
      },
    },
    400: invalid({
      start: 'is required and must be an ISO 8601 date-time with a zone, such as 2025-01-20T22:00:00.928Z',
    }),
    401: unauthorized,
    403: forbiddenResponse('The caller belongs to another organization'),
    429: tooManyRequests,
    503: unavailableResponse,
  },
} as const

interface ListOptions {
  readonly repository: Pick<InteractionRepository, 'search' | 'scan' | 'findAll'>
  /** by what a search costs; streams are long */
  readonly admit: Readonly<Record<SearchCost, Admission>>
  /** how long a search may run that costs more, in milliseconds */
  readonly searchTimeoutMs: number
  /** where callers reach the service; empty when that is not known */
  readonly publicUrl: string
}

export function listRoute(
  app: FastifyInstance,
  { repository, admit, searchTimeoutMs, publicUrl }: ListOptions,
): void {
  const options = { schema, onRequest: requireScope('interactions:read') }
  app.withTypeProvider<TypeBoxTypeProvider>().get('/interactions', options, async (request, reply) => {
    const { caller, query } = request
    const pageable = toPageable(query)
    const format = preferredFormat(request.headers, query)
    if (format !== undefined && !isByDate(pageable.sort))
      throw new InvalidRequest({ sort: 'must be createdAt alone for a stream of lines' })
    const scope = organizationScope(caller)
    if (query.organizationId !== undefined && !isInScope(query.organizationId, scope))
      throw forbidden('The caller belongs to another organization')
    const criteria = { ...query, organizationId: scope ?? query.organizationId }
    const holder = holderOf(request)
    /** Runs what may take long: it ends when the caller hangs up, or after the time limit. */
    const runLimited = <Result>(
      cost: SearchCost,
      work: (gone: AbortSignal) => Promise<Result>,
    ): Promise<Result> =>
      whileConnected(request, reply, (gone) => admit[cost](holder, () => work(gone), gone)).catch(
        (error: unknown) => {
          throw isCancelled(error) ? tooExpensive(criteria, pageable, searchTimeoutMs) : error
        },
      )

    if (format !== undefined) {
      const direction = totalOrder(pageable.sort)[0]?.direction ?? 'desc'
      const texts =
        request.method === 'HEAD'
          ? []
          : await runLimited('long', (signal) =>
              writeLines(format, repository.scan(criteria, { direction, holder, signal })),
            )
      const body = streamTexts(texts, { heldBytes: heldStreamBytes })
      return sendCompressed(request, reply.type(format.contentType), body)
    }

    const search = repository.search(criteria, pageable, holder)
    const { found, total, content } = await (search.cost === 'cheap'
      ? admit.cheap(holder, search.run)
      : runLimited(search.cost, search.run))
    const [head, tail] = pageEnvelope(pageable, found, total)
    const pages = countPages(pageable, found, total)
    const links = pageLinks(publicUrl + request.routeOptions.url, request.url, pageable.page, pages)
    if (links !== undefined) reply.header('link', links)
    const load = (ids: readonly string[]) => repository.findAll(ids, holder)
    const body =
      typeof content === 'string'
        ? head + content + tail
        : streamTexts(around(head, loadInPieces(content, load), tail), {
            heldBytes: heldPageBytes(content),
          })
    return sendCompressed(request, reply.type('application/json'), body)
  })
}

/** 503: the search was ended. Says what would make it cheap. */
function tooExpensive(
  { customerId, conferenceId }: Criteria,
  { sort }: Pageable,
  timeoutMs: number,
): Problem {
  const ways = ['a shorter range from start to end']
  if (customerId === undefined && conferenceId === undefined) ways.push('a customerId', 'a conferenceId')
  if (!isByDate(sort)) ways.push('sorting by createdAt alone')
  const [last = '', ...others] = ways.toReversed()
  const list = others.length === 0 ? last : `${others.toReversed().join(', ')} or ${last}`
  return new Problem(
    'search_timeout',
    `The search was ended because it took longer than ${timeoutMs / 1000} s. It takes less time with ${list}.`,
    { 'retry-after': '1' },
  )
}
