// The operations of the API with their right responses and the states that may be stored afterwards.
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { expect } from 'vitest'
import { agentToken, bearer } from '../../support/tokens.ts'
import type { FaultsPostgres, StoredState } from './postgres.ts'

export interface Operation {
  readonly name: string
  /** status without a fault */
  readonly status: number
  /** state before the operation; undefined: nothing is stored */
  readonly before: StoredState | undefined
  readonly request: (id: string) => InjectOptions
  /** state after the operation; default: `before` */
  readonly after?: StoredState
  /** checks the body of the right response */
  readonly check?: (body: string, id: string) => void
}

const old: StoredState = { type: 'chat', data: '{"n": 1.0}', version: 0 }
const changed: StoredState = { type: 'chat', data: '{"n": 2.0}', version: 1 }
export const organization = 'faults'
export const tokenClient = { clientId: 'faults', clientSecret: 'faults-secret' }
const api = '/rtc-api/interactions'
const headers = { ...bearer(agentToken(organization)), 'content-type': 'application/json' }
const put =
  (payload: string, more: Record<string, string> = {}) =>
  (id: string): InjectOptions => ({
    method: 'PUT',
    url: `${api}/${id}`,
    headers: { ...headers, ...more },
    payload,
  })

export const read: Operation = {
  name: 'a read',
  status: 200,
  before: old,
  request: (id) => ({ method: 'GET', url: `${api}/${id}`, headers }),
  check: (body) => expect(body).toContain('"data":{"n": 1.0},"version":0}'),
}

export const operations: readonly Operation[] = [
  {
    name: 'a create',
    status: 200,
    before: undefined,
    request: (id) => ({
      method: 'POST',
      url: api,
      headers,
      payload: `{"interactionId":"${id}","type":"chat","data":{"n": 1.0}}`,
    }),
    after: old,
    check: (body, id) => expect(body).toBe(`{"interactionId":"${id}","version":0}`),
  },
  {
    name: 'a create with an existing id',
    status: 409,
    before: old,
    request: (id) => ({ method: 'POST', url: api, headers, payload: `{"interactionId":"${id}"}` }),
  },
  read,
  { name: 'an update', status: 204, before: old, request: put('{"data":{"n": 2.0}}'), after: changed },
  {
    name: 'an update with a version',
    status: 204,
    before: old,
    request: put('{"version":0,"data":{"n": 2.0}}'),
    after: changed,
  },
  {
    name: 'an update with an old version',
    status: 409,
    before: changed,
    request: put('{"version":0,"data":{"n": 3.0}}'),
  },
  {
    name: 'an update with If-Match',
    status: 204,
    before: old,
    request: put('{"data":{"n": 2.0}}', { 'if-match': '"0"' }),
    after: changed,
  },
  {
    name: 'an update with If-Match of several versions',
    status: 204,
    before: old,
    request: put('{"data":{"n": 2.0}}', { 'if-match': '"0", "7"' }),
    after: changed,
  },
  {
    name: 'an update with If-Match of an old version',
    status: 412,
    before: changed,
    request: put('{"data":{"n": 3.0}}', { 'if-match': '"0"' }),
  },
  {
    name: 'a search',
    status: 200,
    before: old,
    request: (id) => ({
      method: 'GET',
      url: `${api}?start=2000-01-01T00:00Z&end=2100-01-01T00:00Z&userId=${id}&size=1`,
      headers,
    }),
    check: (body, id) => expect(JSON.parse(body)).toMatchObject({ totalElements: 1, content: [{ id }] }),
  },
  {
    name: 'a token',
    status: 200,
    before: undefined,
    request: () => ({
      method: 'POST',
      url: '/security/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=client_credentials&client_id=${tokenClient.clientId}&client_secret=${tokenClient.clientSecret}`,
    }),
  },
]

/** Inserts the initial state of an operation directly. The creator is a user named like the id. */
export async function prepare(postgres: FaultsPostgres, { before }: Operation, id: string): Promise<void> {
  if (before === undefined) return
  await postgres.query(
    `insert into interactions (id, organization_id, created_by, type, data, version)
     values ($1, $2, $1, $3, $4, $5)`,
    [id, organization, before.type, before.data, before.version],
  )
}

/** Expects the right response or a retryable one, and a stored state that the response allows. */
export async function expectAllowed(
  postgres: FaultsPostgres,
  { status, before, after = before, check }: Operation,
  id: string,
  reply: LightMyRequestResponse,
): Promise<void> {
  const stored = await postgres.stored(id)
  if (reply.statusCode === 503) {
    expect(reply.headers['retry-after']).toBe('1')
    expect([before, after]).toContainEqual(stored)
    return
  }
  expect({ status: reply.statusCode, stored }).toEqual({ status, stored: after })
  check?.(reply.body, id)
}
