// The log in both formats: JSON and pretty.
import { expect, test } from 'vitest'
import { askForToken, createInteraction, dataDirectory, demoClients, serve } from './support/caller.ts'

test('the log line of a request is JSON with its id and caller, without secrets and data', async () => {
  const folder = await dataDirectory()
  const service = await serve({ DATA_DIR: folder, LOG_LEVEL: 'debug' })
  const { agent } = await demoClients(folder)
  const { token } = await askForToken(service, agent)
  await createInteraction(service, token, '{"data":{"customerId":"S3cret-customer"}}')
  await fetch(`${service.baseUrl}/rtc-api/interactions/none?customerId=S3cret-customer`, {
    headers: { authorization: `Bearer ${token}`, 'x-request-id': 'asked-by-me' },
  })

  await expect.poll(() => service.errors()).toContain('asked-by-me')
  const lines = service.errors().trimEnd().split('\n')
  const line = lines.map((text) => JSON.parse(text)).find(({ reqId }) => reqId === 'asked-by-me')
  expect(line).toMatchObject({
    caller: 'demo-agent',
    status: 404,
    route: '/rtc-api/interactions/:interactionId',
  })
  for (const secret of [agent.clientSecret, token, 'S3cret-customer'])
    expect(service.errors()).not.toContain(secret)
})

test('LOG_FORMAT=pretty writes readable lines', async () => {
  const service = await serve({ DATA_DIR: await dataDirectory(), LOG_FORMAT: 'pretty' })

  await expect.poll(() => service.errors()).toMatch(/^\[[\d:.]+\] INFO: Server listening at http/m)
})
