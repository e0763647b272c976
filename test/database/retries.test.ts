// Transient failures are retried, and waiting ends at a timeout.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { batch } from '../../src/database/batches/batches.ts'
import { retry } from '../../src/database/retry.ts'
import { NotSentError } from '../../src/database/sqlstate.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { cloneDatabase } from '../support/database.ts'

const { database } = await cloneDatabase()
const repository = interactionRepository(database, { keepsTotals: true })

test.each(['40001', '40P01'])('a write with a conflict (%s) is retried', async (code) => {
  await sql`create sequence if not exists attempts`.execute(database.kysely)
  await sql`alter sequence attempts restart`.execute(database.kysely)
  await sql`
    create or replace function lose() returns trigger language plpgsql as $$
    begin
      if nextval('attempts') <= 3 then raise exception 'lost' using errcode = '${sql.raw(code)}'; end if;
      return new;
    end $$`.execute(database.kysely)
  await sql`create or replace trigger lose before insert on interactions for each row execute function lose()`.execute(
    database.kysely,
  )
  const given = { id: randomUUID(), organizationId: 'acme', createdBy: 'one', type: undefined, data: '{}' }
  expect(await repository.create(given)).toBe('created')
  expect((await repository.find(given.id))?.version).toBe('0')
})

test('retries end at the timeout, with the last error', async () => {
  let attempts = 0
  const failing = retry(async () => {
    attempts++
    throw new NotSentError()
  }, 200)
  await expect(failing).rejects.toThrow(NotSentError)
  expect(attempts).toBeGreaterThan(2)
})

test('a repeated attempt that gets no answer is abandoned at the timeout, with the last error', async () => {
  let attempts = 0
  const silent = retry(() => {
    attempts++
    return attempts === 1 ? Promise.reject(new NotSentError()) : new Promise<never>(() => {})
  }, 200)
  await expect(silent).rejects.toThrow(NotSentError)
  expect(attempts).toBe(2)
})

test('a permanent failure is not retried', async () => {
  let attempts = 0
  const failing = retry(async () => {
    attempts++
    return sql`select nothing`.execute(database.kysely)
  }, 5000)
  await expect(failing).rejects.toThrow()
  expect(attempts).toBe(1)
})

test('a batch that waits too long for its start rejects, and is not run', async () => {
  const ran: string[] = []
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const run = batch(
    async (items: readonly string[]) => {
      ran.push(...items)
      await held
      return items
    },
    { concurrency: 1, maxSize: 10, startTimeoutMs: 50 },
  )
  const first = run('first', 'acme')
  await new Promise(setImmediate)
  await expect(run('second', 'acme')).rejects.toThrow(NotSentError)
  release()
  expect(await first).toBe('first')
  expect(await run('third', 'acme')).toBe('third')
  expect(ran).toEqual(['first', 'third'])
})
