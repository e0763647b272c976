// For tests of requests that must not change anything: compares the table before and after each test.
import { afterEach, beforeEach, expect } from 'vitest'
import type { Database } from '../../../src/database/database.ts'

/** Returns every row, ordered by id. */
export async function allRows({ kysely }: Database): Promise<unknown[]> {
  return kysely.selectFrom('interactions').selectAll().orderBy('id').execute()
}

/** Expects every test of the file to leave the table unchanged. */
export function expectUntouched(database: Database): void {
  let before: unknown[] = []
  beforeEach(async () => {
    before = await allRows(database)
  })
  afterEach(async () => {
    expect(await allRows(database)).toEqual(before)
  })
}
