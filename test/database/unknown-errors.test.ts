// An engine that reports duplicates by another SQLSTATE than PostgreSQL: creations are then decided row by row.
import { randomUUID } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { interactionRepository } from '../../src/interactions/repository.ts'
import { limitAsCitus } from '../support/citus-limits.ts'
import { cloneDatabase } from '../support/database.ts'
import { testDatabaseSettings } from '../support/postgres-setup.ts'

const { url } = await cloneDatabase()
const limits = await limitAsCitus(url)
const database = openDatabase({ ...testDatabaseSettings, url: limits.url }, () => {})
const { create } = interactionRepository(database, { keepsTotals: false })
afterAll(async () => {
  await database.close()
  await limits.close()
})

test('duplicates that are reported as XX000 fail alone among creations that share a statement', async () => {
  const creation = (id: string) =>
    create({ id, organizationId: 'acme', createdBy: 'one', type: undefined, data: '{}' })
  const taken = randomUUID()
  expect(await creation(taken)).toBe('created')
  const outcomes = await Promise.all([randomUUID(), taken, randomUUID()].map(creation))
  expect(outcomes).toEqual(['created', 'duplicate', 'created'])
})
