// The columns promoted from `data` are the same for rows written by the service and by other SQL.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { amount } from '../support/amount.ts'
import { cloneDatabase } from '../support/database.ts'
import { storeInteractions } from '../support/make.ts'

const { database } = await cloneDatabase()
const { kysely } = database
const repository = interactionRepository(database, { keepsTotals: false })

const promoted = [
  'customer_id',
  'conference_id',
  'on_hold_duration',
  'media_recorded',
  'cobrowse_recorded',
  'type_prefix',
  'created_by_prefix',
  'tags',
  'tags_beyond_index',
] as const

const member = (name: string, ...texts: string[]) =>
  fc
    .option(fc.constantFrom(...texts, 'null', '1', '{}', '[]', '""', 'true'))
    .map((text) => [name, text] as const)
const tags = (count: number) => JSON.stringify(Array.from({ length: count }, (_, n) => `tag ${n}`))
const data = fc
  .tuple(
    member('customerId', '"c-1"', '12345678901234567890.10', JSON.stringify('c'.repeat(256))),
    member('conferenceId', '"r-1"', '7'),
    member('roomName', '"r-2"', '1e3'),
    member('onHoldDuration', '1500', '-1.5e2', '1e400', '"1500"'),
    member('recorderId', '"x"', '"\\""'),
    member('cobrowseRecorderId', '"x"', '" "'),
    member('tags', '["vip"]', '["a",1]', tags(100), tags(200), tags(2000)),
    member('customerId', '"c-2"'),
  )
  .map((members) => `{${members.flatMap(([name, text]) => (text === null ? [] : [`"${name}":${text}`]))}}`)

async function readPromoted(id: string) {
  return await kysely.selectFrom('interactions').select(promoted).where('id', '=', id).executeTakeFirst()
}

const row = { organizationId: 'acme', createdBy: 'agent-7', type: 'video' }
const rowForSql = { ...row, createdAt: Date.now(), version: 0 }

test('a creation, an update, and SQL inserts and updates promote the same columns', async () => {
  await fc.assert(
    fc.asyncProperty(data, data, async (before, after) => {
      const [created, updated, inserted, changed] = Array.from({ length: 4 }, () => randomUUID())
      if (!created || !updated || !inserted || !changed) throw new Error('four ids')
      await repository.create({ ...row, id: created, data: after })
      await repository.create({ ...row, id: updated, data: before })
      const update = { organizationId: 'acme', type: undefined, version: 0n }
      expect(await repository.update({ ...update, id: updated, data: after })).toBe('updated')
      await storeInteractions(kysely, [
        { ...rowForSql, id: inserted, data: after },
        { ...rowForSql, id: changed, data: before },
      ])
      await sql`update interactions set data = ${after}::json where id = ${changed}`.execute(kysely)

      const expected = await readPromoted(created)
      for (const id of [updated, inserted, changed]) expect(await readPromoted(id)).toEqual(expected)
    }),
    { numRuns: amount(200) },
  )
})

test('an update of only the type does not change the promoted columns', async () => {
  const id = randomUUID()
  const stored = '{"customerId":"c-1","tags":["vip"],"onHoldDuration":7,"recorderId":"r"}'
  await repository.create({ ...row, id, data: stored })
  const before = await readPromoted(id)
  const update = { organizationId: 'acme', data: undefined, version: undefined }
  expect(await repository.update({ ...update, id, type: 'chat' })).toBe('updated')

  expect(await readPromoted(id)).toEqual({ ...before, type_prefix: 'chat' })
  expect(before).toMatchObject({ customer_id: 'c-1', tags: ['vip'], media_recorded: true })
})
