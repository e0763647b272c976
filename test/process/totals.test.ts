// The totals are updated while the service runs, stay correct after kill -9, and can be verified.
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { finishCommand } from '../support/service.ts'
import { dataDirectory, serve } from './support/caller.ts'

test('the totals are exact after the service was killed repeatedly while it counted an old database', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  let service = await serve(environment)
  const first = await connect(environment.DATA_DIR)
  await first.query(`
    insert into interactions (id, organization_id, created_by, created_at, data)
    select 'id-' || n, 'org-' || n % 7, 'agent', now() - n * interval '11 minutes', '{}'
    from generate_series(1, 60000) as n`)
  await first.end()
  expect(await finishCommand(['totals', 'recount'], environment)).toMatchObject({ code: 0 })
  for (const share of [0, 0.2, 0.5, 0.8]) {
    const client = await connect(environment.DATA_DIR)
    await until(client, `counted_until > now() - interval '60000 minutes' * 11 * ${1 - share}`)
    await client.end()
    await service.stop('SIGKILL')
    service = await serve(environment)
  }
  const client = await connect(environment.DATA_DIR)
  await until(client, 'counted_until = sealed_until and isfinite(sealed_until)')
  expect(await finishCommand(['totals', 'verify'], environment)).toMatchObject({
    code: 0,
    output: expect.stringMatching(/all totals are correct/i),
  })

  await client.query(`
    update interaction_day_totals set hours[24] = hours[24] + 1
    where organization_id = 'org-1' and day = date_trunc('day', now() - interval '40 days')`)
  const { code, output } = await finishCommand(['totals', 'verify'], environment)
  expect(code).toBe(1)
  expect(JSON.parse(output.split('\n', 1)[0] ?? '')).toMatchObject({ organizationId: 'org-1', unit: 'day' })
  await client.end()
  expect(await service.stop()).toBe(0)
})

async function connect(folder: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: await findEmbeddedPostgres(folder) })
  // The kill also ends this connection; the test opens another one.
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end().catch(() => {}))
  return client
}

async function until(client: pg.Client, condition: string): Promise<void> {
  for (;;) {
    const { rows } = await client.query(`select from interaction_day_totals_state where ${condition}`)
    if (rows.length > 0) return
    await pause(10)
  }
}
