// PostgreSQL serializes an interaction as the service does.
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import {
  type InteractionRow,
  interactionJson,
  pageRowJson,
  rowColumns,
} from '../../src/interactions/sql/rows.ts'
import { amount } from '../support/amount.ts'
import { cloneDatabase } from '../support/database.ts'

const {
  database: { kysely },
} = await cloneDatabase()

/** A string that PostgreSQL can store. */
const text = fc
  .string({ unit: 'binary', maxLength: 40 })
  .filter((one) => !one.includes('\u0000') && one.isWellFormed())
const row = fc.record({
  id: text.map((one) => randomUUID() + one),
  organizationId: text,
  createdBy: text,
  createdAt: fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
  type: fc.option(text),
  data: fc
    .tuple(fc.constantFrom('', ' ', '\n\t '), text, fc.double())
    .map(
      ([space, name, number]) =>
        `{${space}${JSON.stringify(name)} :${space}${JSON.stringify(number)}${space}}`,
    ),
  version: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
})

test('PostgreSQL and the service write the same JSON for any row', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
      await sql`truncate interactions`.execute(kysely)
      const values = rows.map(
        ({ id, organizationId, createdBy, createdAt, type, data, version }) =>
          sql`(${id}, ${organizationId}, ${createdBy}, ${createdAt.toISOString()}::timestamptz, ${type}, ${data}::json, ${version}::bigint)`,
      )
      await sql`
        insert into interactions (id, organization_id, created_by, created_at, type, data, version)
        values ${sql.join(values)}`.execute(kysely)
      const stored = await sql<InteractionRow & { text: string }>`
        select ${sql.join(rowColumns.map((column) => sql.ref(column)))}, data, ${pageRowJson} as text
        from interactions as page`.execute(kysely)
      expect(stored.rows).toHaveLength(rows.length)
      for (const { text: written, ...columns } of stored.rows) expect(written).toBe(interactionJson(columns))
    }),
    { numRuns: amount(30) },
  )
})
