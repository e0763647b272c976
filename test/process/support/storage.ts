// Accesses the database of a service in a separate process directly.
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { findEmbeddedPostgres } from '../../../src/embedded/postgres.ts'

/** Connects to the PostgreSQL of a data directory, and disconnects after the test. */
export async function connect(dataDirectory: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: await findEmbeddedPostgres(dataDirectory) })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

/** Stores `count` interactions of `acme`, one per minute before this time yesterday, of three customers in turn. */
export async function storeMany(client: pg.Client, count: number): Promise<void> {
  await client.query(
    `insert into interactions (id, organization_id, created_by, created_at, data)
     select 'id-' || n, 'acme', 'agent', now() - interval '1 day' - n * interval '1 minute',
            json_build_object('customerId', 'c-' || n % 3, 'n', n)
     from generate_series(1, $1::int) as n`,
    [count],
  )
}

/** Returns the number of stored interactions. */
export async function countStored(client: pg.Client): Promise<number> {
  const { rows } = await client.query('select count(*)::int as total from interactions')
  return rows[0].total
}
