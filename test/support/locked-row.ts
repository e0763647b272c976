// A row that someone else has locked: what writes to others see meanwhile.
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Database } from '../../src/database/database.ts'
import type { InteractionRepository } from '../../src/interactions/repository.ts'

/**
 * Locks a row, and expects that a write to it holds up no others, and is applied when the row is unlocked.
 * @param other locks the row, on a connection of its own
 * @param whileLocked runs before the row is unlocked
 */
export async function expectNotHeldUp(
  repository: InteractionRepository,
  other: Database,
  whileLocked: () => Promise<void> = async () => {},
): Promise<void> {
  const given = { organizationId: 'acme', createdBy: 'agent', type: undefined, data: '{}' }
  const update = (id: string) => repository.update({ ...given, id, data: '{"by":"us"}', version: undefined })
  await Promise.all(['held', 'free'].map((id) => repository.create({ ...given, id })))
  const held = await other.kysely.transaction().execute(async (transaction) => {
    await sql`update interactions set version = 7 where id = 'held'`.execute(transaction)
    const outcome = update('held')
    // sent behind it on the shared connection, which still counts as responsive
    await setImmediate()
    await setImmediate()
    const later = [update('free'), repository.create({ ...given, id: 'behind' })]
    expect(await Promise.all(later)).toEqual(['updated', 'created'])
    await whileLocked()
    return { outcome }
  })
  expect(await held.outcome).toBe('updated')
  expect(await repository.find('held')).toMatchObject({ version: '8' })
}
