// Requests in exactly the form that published clients of the original API send.
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, inject, test } from 'vitest'
import { call, tokenOf } from './client.ts'

const baseUrl = inject('baseUrl')
const { clientId, clientSecret } = inject('agent')

/** Sends a POST with exactly these headers and this body. `fetch` would add headers. */
async function post(path: string, headers: Record<string, string>, body = '') {
  const sent = request(new URL(path, baseUrl), { method: 'POST', headers })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on('response', resolve).on('error', reject)
    sent.end(body)
  })
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

const query = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString()

test('a client with its credentials in the query string creates a video interaction', async () => {
  const credentials = query({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  })
  const granted = await post(`/security/oauth/token?${credentials}`, { 'content-length': '0' })
  expect(granted.status).toBe(200)
  const { access_token: token, token_type: type } = JSON.parse(granted.body)
  expect(type).toBe('bearer')

  const interactionId = randomUUID()
  const body = JSON.stringify({
    interactionId,
    type: 'video',
    data: {
      callStartAt: '2025-01-20T22:00:00.928123Z',
      callDestination: 'support',
      callOrigin: 'https://shop.example/checkout',
      callOriginMode: 'website',
      customerId: `customer-${interactionId}`,
      customerMetadata: {},
      integrationInteractionAvailable: false,
      roomName: `room-${interactionId}`,
      recorderId: randomUUID(),
      recorderInstanceId: randomUUID(),
    },
  })
  const created = await post(
    '/rtc-api/interactions',
    { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  )
  expect(created.status).toBe(200)
  expect(JSON.parse(created.body)).toEqual({ interactionId, version: 0 })

  const read = await call(token, 'GET', `/interactions/${interactionId}`)
  expect(await read.text()).toContain(`"data":${JSON.stringify(JSON.parse(body).data)},"version":0}`)
})

test('a client with its credentials in a form gets a token', async () => {
  const granted = await post(
    '/security/oauth/token',
    { 'content-type': 'application/x-www-form-urlencoded' },
    query({ client_id: clientId, client_secret: clientSecret, grant_type: 'client_credentials' }),
  )
  expect(granted.status).toBe(200)
  expect(JSON.parse(granted.body)).toMatchObject({ organization: inject('organizationId'), sub: clientId })
})

test('a client with HTTP Basic authentication gets a token', async () => {
  const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64')
  const granted = await post(
    '/security/oauth/token',
    { authorization: `Basic ${basic}`, 'content-type': 'application/x-www-form-urlencoded' },
    'grant_type=client_credentials',
  )
  expect(granted.status).toBe(200)
})

test('a Java client that sends null for absent members can create and update', async () => {
  const token = await tokenOf('agent')
  const created = await call(token, 'POST', '/interactions', {
    interactionId: null,
    type: null,
    data: null,
    organizationId: null,
  })
  expect(created.status).toBe(200)
  const { interactionId } = (await created.json()) as { interactionId: string }
  const updated = await call(token, 'PUT', `/interactions/${interactionId}`, {
    type: 'audio',
    data: null,
    version: null,
  })
  expect(updated.status).toBe(204)
  const read = await (await call(token, 'GET', `/interactions/${interactionId}`)).json()
  expect(read).toMatchObject({ type: 'audio', data: {}, version: 1 })
})
