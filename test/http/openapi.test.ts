// The served document is the committed one, and responses match it (contract §8).
import { FormatRegistry, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { describe, expect, test } from 'vitest'
import { TokenResponse } from '../../src/auth/tokens/schemas.ts'
import {
  CreateInteractionResponse,
  Interaction,
  interactionComponents,
  PageInteraction,
} from '../../src/interactions/responses.ts'
import { startTestApp } from '../support/app.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'
import { addClient, agentClient, askForToken, serviceClient } from './support/oauth.ts'

const service = await startTestApp()
const range = 'start=2020-01-01T00:00:00Z&end=2099-01-01T00:00:00Z'

test('the served document is the committed one', async () => {
  const document = (await service.inject({ url: '/openapi.json' })).json()
  await expect(
    `${JSON.stringify(document, null, 2)}\n`,
    'openapi/openapi.json is out of date; refresh it: npx vitest run --project http openapi -u',
  ).toMatchFileSnapshot('../../openapi/openapi.json')
})

describe('a response matches the document:', () => {
  FormatRegistry.Set('date-time', (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text))
  // a reference ends with "#", the name of its schema does not
  const references = interactionComponents.map((schema) => ({ ...schema, $id: `${schema.$id}#` }))

  const expectValid = (schema: TSchema, value: unknown) => {
    const errors = [...Value.Errors(schema, references, value)].map(
      ({ path, message }) => `${path}: ${message}`,
    )
    expect(errors).toEqual([])
    // no members beyond those of the document
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(Object(value))))
  }

  test('of a creation', async () => {
    for (const body of [{}, { interactionId: 'x/y', type: 'video', data: { a: [1] } }])
      expectValid(CreateInteractionResponse, (await service.call(agentToken(), 'POST', '', body)).json())
  })

  test('of a read', async () => {
    const data = { customerId: 5, nested: { a: null }, tags: ['a'] }
    await service.call(agentToken(), 'POST', '', { interactionId: 'full', type: 'video', data })
    await service.call(agentToken(), 'POST', '', { interactionId: 'bare' })
    for (const id of ['full', 'bare'])
      expectValid(Interaction, (await service.call(serviceToken(), 'GET', `/${id}`)).json())
  })

  test('of an update', async () => {
    await service.call(agentToken(), 'POST', '', { interactionId: 'updated' })
    const reply = await service.call(agentToken(), 'PUT', '/updated', { type: 'x' })
    expect([reply.statusCode, reply.body]).toEqual([204, ''])
    expectValid(Interaction, (await service.call(agentToken(), 'GET', '/updated')).json())
  })

  test.each([range, `${range}&sort=id,desc&size=1`, `${range}&page=9`, `${range}&type=none`])(
    'of a search by %s',
    async (query) => {
      await service.call(agentToken(), 'POST', '', { type: 'video' })
      const page = (await service.call(agentToken(), 'GET', `?${query}`)).json()
      expectValid(PageInteraction, page)
      for (const interaction of page.content) expectValid(Interaction, interaction)
      for (const [member, name] of [
        ['sort', 'SortObject'],
        ['pageable', 'PageableObject'],
      ] as const) {
        const schema = interactionComponents.find(({ $id }) => $id === name)
        expect(Object.keys(page[member]).sort()).toEqual(Object.keys(schema?.properties ?? {}).sort())
      }
    },
  )

  test('of a token', async () => {
    for (const client of [agentClient('agent'), serviceClient('backend')]) {
      const credentials = await addClient(service, client, 'secret')
      expectValid(TokenResponse, (await askForToken(service, 'form', credentials)).json())
    }
  })
})

test('every error response has a documented status', async () => {
  const { paths } = (await service.inject({ url: '/openapi.json' })).json()
  const item = '/rtc-api/interactions/{interactionId}'
  const all = '/rtc-api/interactions'
  await service.call(agentToken(), 'POST', '', { interactionId: 'mine' })
  const large = `{"data":{"a":"${'x'.repeat(1_048_576)}"}}`
  for (const [method, template, url, body, token] of [
    ['GET', item, '/mine', undefined, agentToken('globex')],
    ['GET', item, '/nothing', undefined, agentToken()],
    ['GET', item, '/%00', undefined, agentToken()],
    ['GET', item, '/mine', undefined, 'wrong'],
    ['GET', all, '', undefined, agentToken()],
    ['GET', all, '', undefined, 'wrong'],
    ['GET', all, `?${range}&organizationId=globex`, undefined, agentToken()],
    ['POST', all, '', '{', agentToken()],
    ['POST', all, '', {}, 'wrong'],
    ['POST', all, '', { interactionId: 'mine' }, agentToken()],
    ['POST', all, '', large, agentToken()],
    ['PUT', item, '/mine', {}, agentToken('globex')],
    ['PUT', item, '/mine', { version: 9 }, agentToken()],
    ['PUT', item, '/mine', { version: 'x' }, agentToken()],
    ['PUT', item, '/mine', large, agentToken()],
    ['PUT', item, '/nothing', {}, agentToken()],
    ['PUT', item, '/mine', {}, 'wrong'],
  ] as const) {
    const { statusCode } = await service.call(token, method, url, body)
    expect(statusCode).toBeGreaterThanOrEqual(400)
    expect(Object.keys(paths[template][method.toLowerCase()].responses)).toContain(String(statusCode))
  }
})
