// The example of each error in the OpenAPI document is word for word what the service sends.
import type { InjectOptions } from 'fastify'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken, bearer, serviceToken, signToken } from '../support/tokens.ts'
import { addClient, agentClient, basic, form, tokenUrl } from './support/oauth.ts'

const service = await startTestApp({ TOKEN_FAILURES_PER_CLIENT: '2' })
const document = (await service.inject({ url: '/openapi.json' })).json()
await service.call(agentToken(), 'POST', '', { interactionId: 'mine' })
const [clientId, secret] = await addClient(service, agentClient('exemplary'), 'secret')

const all = '/rtc-api/interactions'
const item = `${all}/{interactionId}`
const range = 'start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z'
const json = { 'content-type': 'application/json' }
const large = `{"data":{"a":"${'x'.repeat(1_048_576)}"}}`
const keyed = { ...json, 'idempotency-key': 'exemplary' }
const withoutRole = bearer(signToken({ sub: 'nobody' }))
const by = (authorization: object, payload?: string): InjectOptions =>
  payload === undefined
    ? { headers: { ...authorization } }
    : { headers: { ...authorization, ...json }, payload }
const [mine, theirs, asService] = [bearer(agentToken()), bearer(agentToken('globex')), bearer(serviceToken())]
const token = (options: InjectOptions): InjectOptions => ({
  ...options,
  headers: { ...form, ...options.headers },
})

await service.inject({ method: 'POST', url: all, headers: { ...mine, ...keyed }, payload: '{}' })

/** A request for each error: method and path of the document, status, URL, options. */
const rejected: readonly (readonly [string, string, number, string, InjectOptions])[] = [
  ['GET', '/health/ready', 400, '/health/ready?for=reads', {}],
  ['POST', all, 400, all, by(asService, '{}')],
  ['POST', all, 401, all, by({}, '{}')],
  ['POST', all, 403, all, by(withoutRole, '{}')],
  ['POST', all, 409, all, by(mine, '{"interactionId":"mine"}')],
  ['POST', all, 413, all, by(mine, large)],
  ['POST', all, 415, all, { headers: { ...mine, 'content-type': 'text/xml' }, payload: '<a/>' }],
  ['POST', all, 422, all, { headers: { ...mine, ...keyed }, payload: '{"type":"video"}' }],
  ['GET', all, 400, all, by(mine)],
  ['GET', all, 401, `${all}?${range}`, {}],
  ['GET', all, 403, `${all}?${range}&organizationId=globex`, by(mine)],
  ['GET', item, 400, `${all}/%00`, by(mine)],
  ['GET', item, 401, `${all}/mine`, {}],
  ['GET', item, 403, `${all}/mine`, by(theirs)],
  ['GET', item, 404, `${all}/nothing`, by(mine)],
  ['GET', item, 412, `${all}/mine`, by({ ...mine, 'if-match': '"9"' })],
  ['PUT', item, 400, `${all}/mine`, by(mine, '{"version":"x"}')],
  ['PUT', item, 401, `${all}/mine`, by({}, '{}')],
  ['PUT', item, 403, `${all}/mine`, by(theirs, '{}')],
  ['PUT', item, 404, `${all}/nothing`, by(mine, '{}')],
  ['PUT', item, 409, `${all}/mine`, by(mine, '{"version":9}')],
  ['PUT', item, 412, `${all}/mine`, by({ ...mine, 'if-match': '"9"' }, '{}')],
  ['PUT', item, 413, `${all}/mine`, by(mine, large)],
  ['PUT', item, 415, `${all}/mine`, { headers: { ...mine, 'content-type': 'text/xml' }, payload: '<a/>' }],
  [
    'POST',
    tokenUrl,
    400,
    tokenUrl,
    token({ headers: basic(clientId, secret), payload: 'grant_type=password' }),
  ],
  ['POST', tokenUrl, 401, tokenUrl, token({ headers: basic('guessed', 'wrong') })],
  ['POST', tokenUrl, 413, tokenUrl, token({ payload: large })],
]
/** Statuses caused by load, by an outage or by the method, which other tests cover. */
const testedElsewhere = [405, 429, 503]

test.each(rejected)('%s %s returns %i as in the example', async (method, path, status, url, options) => {
  const reply = await service.inject({
    method: method === 'GET' || method === 'PUT' ? method : 'POST',
    url,
    ...options,
  })
  const response = document.paths[path][method.toLowerCase()].responses[status]
  expect(reply.statusCode).toBe(status)
  expect(reply.json()).toMatchObject(response.content['application/json'].example)
})

test('too many wrong secrets return 429 as in the example', async () => {
  const send = () =>
    service.inject(token({ method: 'POST', url: tokenUrl, headers: basic('again', 'wrong') }))
  const statuses = [await send(), await send(), await send()].map((reply) => reply.statusCode)
  expect(statuses).toEqual([401, 401, 429])
  const { example } = document.paths[tokenUrl].post.responses[429].content['application/json']
  expect((await send()).json()).toEqual(example)
})

test('every error of the document has an example and is tested', () => {
  const missing: string[] = []
  for (const [path, methods] of Object.entries<Record<string, Documented>>(document.paths))
    for (const [method, { responses }] of Object.entries(methods))
      for (const [status, { content }] of Object.entries(responses)) {
        if (Number(status) < 400) continue
        const isTested = rejected.some(
          (one) => `${one.slice(0, 3)}` === `${[method.toUpperCase(), path, status]}`,
        )
        const hasExample = content?.['application/json']?.example !== undefined
        if (!hasExample || !(isTested || testedElsewhere.includes(Number(status))))
          missing.push(`${method} ${path} ${status}`)
      }
  expect(missing).toEqual([])
})

interface Documented {
  readonly responses: Record<string, { content?: Record<string, { example?: unknown }> }>
}
