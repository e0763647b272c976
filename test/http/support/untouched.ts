// For tests of requests that must not change anything: after each, the table is as it was before.
import { afterEach, beforeEach, expect } from 'vitest'
import type { Database } from '../../../src/database/database.ts'

/** Every row, by id. */
export async function allRows({ kysely }: Database): Promise<unknown[]> {
  return kysely.selectFrom('interactions').selectAll().orderBy('id').execute()
}

export function expectUntouched(database: Database): void {
  let before: unknown[] = []
  beforeEach(async () => {
    before = await allRows(database)
  })
  afterEach(async () => {
    expect(await allRows(database)).toEqual(before)
  })
}
