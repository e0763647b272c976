// What Prometheus reads, without a token.
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { totalsKeeper } from '../support/keep-totals.ts'

const { app, database } = await startTestApp()

const metric = async (name: string) => {
  const { payload } = await app.inject({ url: '/metrics' })
  return new RegExp(`^${name} (.+)$`, 'm').exec(payload)?.[1]
}

test('the metrics tell how far the totals have come', async () => {
  expect(await metric('interaction_totals_counted_until_seconds')).toBe('-Inf')
  await totalsKeeper(database)()
  const hour = Math.floor(Date.now() / 3_600_000) * 3600
  const counted = Number(await metric('interaction_totals_counted_until_seconds'))
  // the hour may have changed in between
  expect([hour, hour - 3600]).toContain(counted)
  expect([hour, hour - 3600]).toContain(Number(await metric('interaction_totals_sealed_until_seconds')))
})

test('the metrics have the type that Prometheus expects, and other methods are refused', async () => {
  const { statusCode, headers } = await app.inject({ url: '/metrics' })
  expect(statusCode).toBe(200)
  expect(headers['content-type']).toContain('text/plain; version=0.0.4')
  expect((await app.inject({ method: 'POST', url: '/metrics' })).statusCode).toBe(405)
})
