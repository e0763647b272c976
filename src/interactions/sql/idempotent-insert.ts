// Creations with an idempotency key: one statement writes key and interaction.
import { type RawBuilder, sql } from 'kysely'
import { type BatchLimits, batch } from '../../database/batches/batches.ts'
import { splitJson } from '../../database/batches/json-list.ts'
import type { Database } from '../../database/database.ts'
import { type DataLists, insertFrom, maximumWriteLength, type NewInteraction, toLists } from './insert.ts'

/** An idempotency key as it is stored. Both members are SHA-256 hashes: nothing of the caller is stored. */
export interface IdempotencyKey {
  /** of the key, the user, and the user's organization */
  readonly key: Buffer
  /** of the interaction to create */
  readonly fingerprint: Buffer
}

export type KeyedInteraction = NewInteraction & IdempotencyKey

/** How long a key is stored at least. */
const lifetime = sql.raw("interval '24 hours'")

/** How many expired keys a statement removes at most: more than it adds, so that they become fewer. */
const maximumRemoved = 200

/**
 * Common table expressions that end in `claimed`: the ids of the rows of `given` whose keys are new or have expired, and
 * now stored. Other expired keys are removed.
 * @param keys those of `given`, as an array
 */
export function claimed(keys: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    expired as (
      -- not the given keys: a statement changes a row once
      select key from idempotency_keys
      where created_at < now() - ${lifetime} and key <> all(${keys})
      order by created_at
      limit ${sql.lit(maximumRemoved)}
      for update skip locked
    ), removed as (
      delete from idempotency_keys where key = any(array(select key from expired))
    ), claimed as (
      insert into idempotency_keys as kept (key, fingerprint, interaction_id)
      select key, fingerprint, id from given
      on conflict (key) do update
        set fingerprint = excluded.fingerprint, interaction_id = excluded.interaction_id, created_at = now()
        where kept.created_at < now() - ${lifetime}
      returning interaction_id
    )`
}

/** A key as it is stored. */
interface StoredKey {
  readonly key: Buffer
  readonly fingerprint: Buffer
  readonly interaction_id: string
}

/** Prepares a function that returns those of the keys that are stored. */
export function prepareFindKeys(
  database: Database,
): (given: { readonly keys: readonly Buffer[] }) => Promise<StoredKey[]> {
  return database.prepare('find_idempotency_keys', ({ keys }: { readonly keys: readonly Buffer[] }) =>
    database.kysely
      .selectFrom('idempotency_keys')
      .select(['key', 'fingerprint', 'interaction_id'])
      .where('key', '=', sql<Buffer>`any(${keys}::bytea[])`)
      .compile(),
  )
}

/** Returns the id that was created with a key; undefined when it was created from other content. */
export function outcomeOfKey(known: StoredKey, given: IdempotencyKey): string | undefined {
  return known.fingerprint.equals(given.fingerprint) ? known.interaction_id : undefined
}

/**
 * Prepares the creation of interactions with keys. Of several creations with one key one is applied, and the key may be
 * used anew after 24 hours.
 * @returns a function that returns the id which was created with the key, now or before; undefined when that
 *   interaction was created from other content
 */
export function prepareIdempotentInsert(
  database: Database,
  limits: BatchLimits,
): (given: KeyedInteraction, holder: string) => Promise<string | undefined> {
  const { kysely } = database

  const insertAll = database.prepare('create_interactions_once', (given: DataLists<KeyedInteraction>) =>
    sql<{ id: string }>`
      with given as materialized (
        select *
        from unnest(
            ${given.key}::bytea[], ${given.fingerprint}::bytea[], ${given.id}::text[], ${given.organizationId}::text[],
            ${given.createdBy}::text[], ${given.type}::text[], ${splitJson(given.data)}
          ) as given (key, fingerprint, id, organization_id, created_by, type, data)
      ), ${claimed(sql`${given.key}::bytea[]`)}, created as (
        ${insertFrom(sql`given join claimed on claimed.interaction_id = given.id`)}
      )
      select interaction_id as id from claimed`.compile(kysely),
  )
  const findKeys = prepareFindKeys(database)

  const insertTogether = batch(
    async (all: readonly KeyedInteraction[]) => {
      // a statement inserts a key once: duplicates wait for the next batch
      const firsts = new Map<string, KeyedInteraction>()
      for (const one of all) if (!firsts.has(hex(one))) firsts.set(hex(one), one)
      // the same order everywhere, so that batches with the same keys wait for each other instead of deadlocking
      const rows = [...firsts.values()].toSorted((a, b) => a.key.compare(b.key))
      const created = await insertAll({
        ...toLists(rows),
        key: rows.map(({ key }) => key),
        fingerprint: rows.map(({ fingerprint }) => fingerprint),
      })
      const ids = new Set(created.map(({ id }) => id))
      const isTaken = ({ id }: KeyedInteraction) => !ids.has(id)
      const keys = rows.filter(isTaken).map(({ key }) => key)
      const stored = keys.length === 0 ? [] : await findKeys({ keys })
      const storedByKey = new Map(stored.map((row) => [hex(row), row]))
      return all.map((one) => {
        if (!isTaken(one)) return { id: one.id }
        const known = storedByKey.get(hex(one))
        if (known === undefined) return 'again'
        return { id: outcomeOfKey(known, one) }
      })
    },
    { ...limits, maxWeight: maximumWriteLength },
  )

  return async (given, holder) => {
    for (;;) {
      const outcome = await insertTogether(given, holder, given.data.length)
      if (outcome !== 'again') return outcome.id
    }
  }
}

const hex = ({ key }: { readonly key: Buffer }) => key.toString('hex')
