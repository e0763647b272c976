// A program that calls a service as an honest caller does: it creates an interaction, reads it, and searches a day, one request
// at a time. It runs apart from the test, which is busy attacking. The message { baseUrl, token, milliseconds } starts it; when
// the time is over, it sends back the status and the duration of each response.
import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

const day = 24 * 60 * 60 * 1000
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

process.on('message', async ({ baseUrl, token, milliseconds }) => {
  const responses = { create: [], read: [], searchDay: [] }
  const call = (kind, method, path, body) =>
    send(`${baseUrl}/rtc-api/interactions${path}`, method, token, body).then((one) =>
      responses[kind].push(one),
    )
  const end = performance.now() + milliseconds
  while (performance.now() < end || responses.searchDay.length === 0) {
    const id = randomUUID()
    await call('create', 'POST', '', `{"interactionId":"${id}","type":"chat","data":{"customerId":"c"}}`)
    await call('read', 'GET', `/${id}`)
    const [from, to] = [Date.now() - day, Date.now()].map((moment) => new Date(moment).toISOString())
    await call('searchDay', 'GET', `?start=${from}&end=${to}`)
    await pause(5)
  }
  process.send(responses)
})

/** Sends a request. The status is 0 when the connection is lost. */
function send(url, method, token, body) {
  const began = performance.now()
  return new Promise((resolve) => {
    const finish = (status) => resolve({ status, milliseconds: performance.now() - began })
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const sent = request(url, { method, headers, agent }, (response) => {
      response
        .on('end', () => finish(response.statusCode))
        .on('error', () => finish(0))
        .resume()
    })
    sent.on('error', () => finish(0)).end(body)
  })
}
