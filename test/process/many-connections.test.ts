// A thousand concurrent clients, each with its own connection.
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { askForToken, dataDirectory, demoClients, serve } from './support/caller.ts'

test('1,000 connections each get their own responses', async () => {
  const folder = await dataDirectory()
  const service = await serve({ DATA_DIR: folder })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  const agent = new Agent({ keepAlive: true, maxSockets: 1000, maxFreeSockets: 1000 })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const send = (method: string, path: string, body?: string) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      request(`${service.baseUrl}/rtc-api/interactions${path}`, { agent, method, headers }, (response) =>
        text(response).then((body) => resolve({ status: response.statusCode, body }), reject),
      )
        .on('error', reject)
        .end(body)
    })
  const callers = Array.from({ length: 1000 }, async (_, n) => {
    const id = `caller-${n}`
    const created = await send('POST', '', `{"interactionId":"${id}","data":{"n":${n}}}`)
    expect(created).toEqual({ status: 200, body: `{"interactionId":"${id}","version":0}` })
    const updated = await send('PUT', `/${id}`, `{"version":0,"data":{"n":"${n}"}}`)
    expect(updated.status).toBe(204)
    const { status, body } = await send('GET', `/${id}`)
    expect([status, JSON.parse(body)]).toMatchObject([200, { id, data: { n: String(n) }, version: 1 }])
  })
  await Promise.all(callers)
  expect(Object.values(agent.freeSockets).flat()).toHaveLength(1000)
  const { body } = await send('GET', '?start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z&size=1')
  expect(JSON.parse(body).totalElements).toBe(1000)
  agent.destroy()
  expect(await service.stop()).toBe(0)
})
