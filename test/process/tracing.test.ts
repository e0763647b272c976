// OpenTelemetry traces as a collector receives them over HTTP.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { createInteraction, dataDirectory, serve } from './support/caller.ts'

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: readonly { key: string; value: { stringValue?: string } }[]
}

/** Starts a collector that records the OTLP/JSON it receives. */
async function startCollector() {
  const bodies: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    bodies.push(body)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const spans = () =>
    bodies.flatMap((body) =>
      JSON.parse(body).resourceSpans.flatMap((resource: { scopeSpans: { spans: Span[] }[] }) =>
        resource.scopeSpans.flatMap((scope) => scope.spans),
      ),
    ) as Span[]
  return { endpoint: `http://127.0.0.1:${port}`, text: () => bodies.join('\n'), spans }
}

const clients = JSON.stringify([
  { clientId: 'traced', clientSecret: 'S3cret-of-traced', role: 'AGENT', organizationId: 'acme' },
])

/** Calls the service with secrets and data in all possible places. */
async function useService(baseUrl: string, traceId: string) {
  const query = 'grant_type=client_credentials&client_id=traced&client_secret=S3cret-of-traced'
  const granted = await fetch(`${baseUrl}/security/oauth/token?${query}`, { method: 'POST' })
  const { access_token: token } = (await granted.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${token}`, traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const id = await createInteraction({ baseUrl }, token, '{"data":{"customerId":"S3cret-customer"}}')
  await fetch(`${baseUrl}/rtc-api/interactions/${id}`, { headers })
  const range = 'start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z&customerId=S3cret-customer'
  expect((await fetch(`${baseUrl}/rtc-api/interactions?${range}`, { headers })).status).toBe(200)
  return token
}

test('the spans of requests and statements join the trace of the caller and contain no secrets', async () => {
  const collector = await startCollector()
  const service = await serve({
    PORT: '',
    BOOTSTRAP_CLIENTS: clients,
    DATA_DIR: await dataDirectory(),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_SERVICE_NAME: 'traced-service',
  })
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const token = await useService(service.baseUrl, traceId)
  // stopping sends the remaining spans
  expect(await service.stop()).toBe(0)

  const spans = collector.spans()
  const read = spans.find(({ name }) => name === 'GET /rtc-api/interactions/:interactionId')
  expect(read).toMatchObject({ traceId, kind: 2 })
  const statements = spans.filter(({ parentSpanId }) => parentSpanId === read?.spanId)
  expect(JSON.stringify(statements)).toContain('from \\"interactions\\"')
  expect(spans.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'POST /security/oauth/token',
      'POST /rtc-api/interactions',
      'GET /rtc-api/interactions',
    ]),
  )
  expect(collector.text()).toContain('traced-service')
  for (const secret of ['S3cret', token]) expect(collector.text()).not.toContain(secret)
})

test('with exporter none, nothing is sent', async () => {
  const collector = await startCollector()
  const service = await serve({
    BOOTSTRAP_CLIENTS: clients,
    DATA_DIR: await dataDirectory(),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_TRACES_EXPORTER: 'none',
  })
  await useService(service.baseUrl, '4bf92f3577b34da6a3ce929d0e0e4736')
  expect(await service.stop()).toBe(0)

  expect(collector.text()).toBe('')
})
