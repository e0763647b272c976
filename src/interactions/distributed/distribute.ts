// Distributes the interactions over the machines of a Citus cluster.
import { sql } from 'kysely'
import type { Database } from '../../database/database.ts'
import { dropTotalsIn } from '../../totals/counting.ts'

/** The triggers that record changes for the totals: the tables that they write are on one machine only. */
const totalsTriggers = sql.raw(
  ['insert', 'delete', 'move', 'truncate']
    .map((event) => `drop trigger if exists interactions_noted_on_${event} on interactions`)
    .join(';\n'),
)

/**
 * Distributes the interactions by id, and drops their totals with what keeps them. Blocks writes until the existing rows
 * are copied. All other tables stay on the coordinator.
 * @param shards into how many parts the table is divided
 */
export async function distributeInteractions({ kysely }: Database, shards: number): Promise<void> {
  await kysely.transaction().execute(async (transaction) => {
    // the triggers that promote touch no other row
    await sql`set local citus.enable_unsafe_triggers = on`.execute(transaction)
    await sql`${totalsTriggers}`.execute(transaction)
    await dropTotalsIn(transaction)
    // called by a trigger, so that Citus does not find it by itself
    await sql`select create_distributed_function('promote_interaction(text, text, json)')`.execute(
      transaction,
    )
    await sql`select create_distributed_table('interactions', 'id', shard_count => ${shards}::integer)`.execute(
      transaction,
    )
  })
  // the copies that the coordinator no longer reads
  await sql`select truncate_local_data_after_distributing_table('interactions')`.execute(kysely)
}
