// GET /metrics, without a token.
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { totalsKeeper } from '../support/keep-totals.ts'
import { agentToken } from '../support/tokens.ts'

const { app, database, call } = await startTestApp()

const metric = async (name: string) => {
  const { payload } = await app.inject({ url: '/metrics' })
  return new RegExp(`^${name} (.+)$`, 'm').exec(payload)?.[1]
}

test('the metrics show the progress of the totals', async () => {
  expect(await metric('interaction_totals_counted_until_seconds')).toBe('-Inf')
  await totalsKeeper(database)()
  const hour = Math.floor(Date.now() / 3_600_000) * 3600
  const counted = Number(await metric('interaction_totals_counted_until_seconds'))
  // the hour may have changed meanwhile
  expect([hour, hour - 3600]).toContain(counted)
  expect([hour, hour - 3600]).toContain(Number(await metric('interaction_totals_sealed_until_seconds')))
})

test('metrics have the content type of Prometheus, and other methods are rejected', async () => {
  const { statusCode, headers } = await app.inject({ url: '/metrics' })
  expect(statusCode).toBe(200)
  expect(headers['content-type']).toContain('text/plain; version=0.0.4')
  expect((await app.inject({ method: 'POST', url: '/metrics' })).statusCode).toBe(405)
})

test('requests are counted by route, method and status, with one series for unknown paths', async () => {
  const count = (labels: string) => metric(`http_request_duration_seconds_count\\{${labels}\\}`)
  const read = (status: number) =>
    `method="GET",route="/rtc-api/interactions/:interactionId",status="${status}"`
  await call(agentToken(), 'POST', '', { interactionId: 'counted' })
  await call(agentToken(), 'GET', '/counted')
  await call(agentToken(), 'GET', '/counted')
  await call(agentToken('other'), 'GET', '/counted')
  await app.inject({ url: '/rtc-api/interactions/counted' })
  await app.inject({ url: '/nowhere/1' })
  await app.inject({ url: '/nowhere/2' })

  expect(await count(read(200))).toBe('2')
  expect(await count(read(403))).toBe('1')
  expect(await count(read(401))).toBe('1')
  expect(await count('method="GET",route="",status="404"')).toBe('2')
  expect(await metric(`http_request_duration_seconds_bucket\\{le="\\+Inf",${read(200)}\\}`)).toBe('2')
  const sum = Number(await metric(`http_request_duration_seconds_sum\\{${read(200)}\\}`))
  expect(sum).toBeGreaterThan(0)
  expect(sum).toBeLessThan(20)
})

test('metrics contain no ids, query strings or tokens', async () => {
  const token = agentToken()
  await call(token, 'GET', '/secret-id?customerId=secret-customer')

  const { payload } = await app.inject({ url: '/metrics' })

  for (const secret of ['secret-id', 'secret-customer', token]) expect(payload).not.toContain(secret)
})

test('connections, batches and cached tokens are measured', async () => {
  const token = agentToken('acme', 'someone-new')
  const before = Number(await metric('token_cache_lookups_total\\{result="miss"\\}'))
  const batches = Number(await metric('database_batch_size_count'))
  const items = Number(await metric('database_batch_size_sum'))

  await Promise.all([1, 2, 3, 4].map((id) => call(token, 'GET', `/${id}`)))

  expect(await metric('database_up')).toBe('1')
  expect(await metric('database_pool_limit')).toBe('10')
  expect(Number(await metric('database_pool_connections\\{state="idle"\\}'))).toBeGreaterThan(0)
  expect(await metric('database_pool_waiting')).toBe('0')
  expect(Number(await metric('token_cache_lookups_total\\{result="miss"\\}'))).toBe(before + 1)
  expect(Number(await metric('token_cache_size'))).toBeGreaterThan(0)
  expect(Number(await metric('database_batch_size_sum'))).toBe(items + 4)
  expect(Number(await metric('database_batch_size_count'))).toBeGreaterThan(batches)
})

test('the process is measured under the usual names', async () => {
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
  ])
    expect(Number(await metric(name))).toBeGreaterThan(0)
  expect(Number(await metric('nodejs_eventloop_lag_seconds\\{percentile="99"\\}'))).toBeGreaterThanOrEqual(0)
})
