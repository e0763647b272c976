// Statements of one row each, for interactions that are distributed by id. Each goes to the one machine that has the row,
// by a plan that Citus keeps; a statement for many rows would be planned anew and take part in a distributed transaction.
// Rows are promoted by the triggers on that machine.
import { sql } from 'kysely'
import { batch, type RunInBatch } from '../../database/batches/batches.ts'
import type { Database } from '../../database/database.ts'
import { claimed, type KeyedInteraction, outcomeOfKey, prepareFindKeys } from '../sql/idempotent-insert.ts'
import { type NewInteraction, newColumns } from '../sql/insert.ts'
import { type FoundRow, rowColumns, type Wanted } from '../sql/rows.ts'
import { type InteractionUpdate, outcomeOf, type UpdateOutcome, type UpdateTarget } from '../sql/update.ts'

/** Prepares the statements of the repository; each function does the same as its twin for many rows. */
export function prepareSingleRows(database: Database) {
  // half of the pool each for reads and writes: a statement waits for another machine most of the time
  const limits = {
    concurrency: Math.ceil(database.poolUse().limit / 2),
    maxSize: 1,
    startTimeoutMs: database.connectTimeoutMs,
  }
  /** Holders take turns, as in batches. */
  const inTurn = <Item, Result>(run: (item: Item) => Promise<Result>): RunInBatch<Item, Result> =>
    batch((items: readonly Item[]) => Promise.all(items.map(run)), limits)
  return {
    insert: inTurn(prepareInsert(database)),
    insertOnce: inTurn(prepareInsertOnce(database)),
    findOnce: inTurn(prepareFind(database)),
    updateOnce: inTurn(prepareUpdate(database)),
  }
}

function insertRow({ id, organizationId, createdBy, type, data }: NewInteraction) {
  return sql`insert into interactions (${newColumns}) values (${id}, ${organizationId}, ${createdBy}, ${type}, ${data})`
}

function prepareInsert(database: Database) {
  const insert = database.prepare('create_interaction', (given: NewInteraction) =>
    sql`${insertRow(given)} on conflict (id) do nothing returning id`.compile(database.kysely),
  )
  return async (given: NewInteraction) => ((await insert(given)).length === 1 ? 'created' : 'duplicate')
}

/** The keys are on the coordinator: a transaction of two statements, of which the first touches no other machine. */
function prepareInsertOnce(database: Database) {
  const findKeys = prepareFindKeys(database)
  const create = (given: KeyedInteraction) =>
    database.kysely.transaction().execute(async (transaction) => {
      const { rows } = await sql`
        with given as (
          select ${given.key}::bytea as key, ${given.fingerprint}::bytea as fingerprint, ${given.id}::text as id
        ), ${claimed(sql`array[${given.key}]::bytea[]`)}
        select from claimed`.execute(transaction)
      if (rows.length === 1) await insertRow(given).execute(transaction)
      return rows.length === 1
    })
  return async (given: KeyedInteraction) => {
    for (;;) {
      if (await create(given)) return given.id
      const [known] = await findKeys({ keys: [given.key] })
      // undefined: removed meanwhile
      if (known !== undefined) return outcomeOfKey(known, given)
    }
  }
}

function prepareFind(database: Database) {
  const select = database.prepare('find_interaction', ({ id, organizationId }: Wanted) =>
    database.kysely
      .selectFrom('interactions')
      .select(rowColumns)
      .select(
        sql<string>`case when coalesce(organization_id = ${organizationId}::text, true) then data end`.as(
          'data',
        ),
      )
      .where('id', '=', id)
      .$castTo<FoundRow>()
      .compile(),
  )
  return async (wanted: Wanted) => (await select(wanted))[0]
}

function prepareUpdate(database: Database) {
  const update = database.prepare('update_interaction', (given: InteractionUpdate) =>
    sql`
      update interactions
      set type = coalesce(${given.type}::text, type), data = coalesce(${given.data}::json, data), version = version + 1
      where id = ${given.id}
        and (organization_id = ${given.organizationId}::text or ${given.organizationId}::text is null)
        and (version = ${given.version}::bigint or ${given.version}::bigint is null)
      returning id`.compile(database.kysely),
  )
  const findTarget = database.prepare('find_update_target', (given: InteractionUpdate) =>
    sql<UpdateTarget>`
      select coalesce(organization_id <> ${given.organizationId}::text, false) as is_of_other_organization,
             coalesce(version = ${given.version}::bigint, true) as is_current
      from interactions where id = ${given.id}`.compile(database.kysely),
  )
  return async (given: InteractionUpdate): Promise<UpdateOutcome> => {
    const changes = given.type !== undefined || given.data !== undefined
    if (changes && (await update(given)).length === 1) return 'updated'
    const [target] = await findTarget(given)
    return outcomeOf(given, target && { ...target, updated: false })
  }
}
