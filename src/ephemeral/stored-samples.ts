// Stores samples in a database and deletes all interactions: operations for tests that the API does not offer.
import { type Kysely, sql } from 'kysely'
import type { Tables } from '../database/tables.ts'
import { insertStored } from '../interactions/sql/insert.ts'
import { sample } from './samples.ts'

export interface Seeding {
  readonly organizationId: string
  /** Number of interactions. */
  readonly count: number
  /** The same seed gives the same interactions. */
  readonly seed: number
  /** End of the 30 days in which the interactions are created. */
  readonly until: Date
}

const perStatement = 1000

/** Stores samples; existing interactions stay unchanged. @returns the number that did not exist before */
export async function storeSamples(kysely: Kysely<Tables>, seeding: Seeding): Promise<number> {
  const { organizationId, count, seed, until } = seeding
  let stored = 0
  for (let first = 0; first < count; first += perStatement) {
    const numbers = Array.from({ length: Math.min(perStatement, count - first) }, (_, index) => first + index)
    const { inserted } = await insertStored(
      { kysely },
      numbers.map((number) => {
        const { age, ...rest } = sample(seed, organizationId, number)
        const createdAt = new Date(until.getTime() - age).toISOString()
        return { ...rest, organizationId, createdAt, version: '0' }
      }),
    )
    stored += inserted
  }
  return stored
}

/** Deletes all interactions of all organizations. */
export async function deleteAllInteractions(kysely: Kysely<Tables>): Promise<void> {
  await sql`truncate interactions`.execute(kysely)
}
