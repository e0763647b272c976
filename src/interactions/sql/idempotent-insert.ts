// Creations with a key, which may be sent any number of times: key and interaction are written by one statement.
import { sql } from 'kysely'
import { batch } from '../../database/batches.ts'
import type { Database } from '../../database/database.ts'
import { splitJson } from '../../database/json-list.ts'
import { retry } from '../../database/retry.ts'
import { type DataLists, insertFrom, type NewInteraction, toLists } from './insert.ts'

/** SHA-256 each, so that nothing of a caller is kept */
export interface IdempotencyKey {
  /** of the key, the user, and its organization */
  readonly key: Buffer
  /** of what is to be created */
  readonly fingerprint: Buffer
}

/**
 * Creates an interaction, unless its key was used within the last 24 hours. Of any number at once with one key, one
 * creates. What fails in passing is tried again.
 * @returns the id of the interaction that was created with this key, then or now; undefined when it is of another
 *   content
 */
export type CreateOnce = (given: KeyedCreation) => Promise<string | undefined>

export type KeyedCreation = NewInteraction & IdempotencyKey

/** How long a key is kept, at the least. */
const lifetime = sql.raw("interval '24 hours'")

/** How many expired keys a statement removes: more than it brings, so that they become fewer. */
const removedAtOnce = 200

/** To be called once for a database, as its statements are prepared by name. */
export function prepareCreateOnce(database: Database): CreateOnce {
  const { kysely, retryTimeoutMs } = database

  const createAll = database.prepare('create_interactions_once', (given: DataLists<KeyedCreation>) =>
    sql<{ id: string }>`
      with given as materialized (
        select *
        from unnest(
            ${given.key}::bytea[], ${given.fingerprint}::bytea[], ${given.id}::text[], ${given.organizationId}::text[],
            ${given.createdBy}::text[], ${given.type}::text[], ${splitJson(given.data)}
          ) as given (key, fingerprint, id, organization_id, created_by, type, data)
      ), claimed as (
        insert into idempotency_keys as kept (key, fingerprint, interaction_id)
        select key, fingerprint, id from given
        on conflict (key) do update
          set fingerprint = excluded.fingerprint, interaction_id = excluded.interaction_id, created_at = now()
          where kept.created_at < now() - ${lifetime}
        returning interaction_id
      ), created as (
        ${insertFrom(sql`given join claimed on claimed.interaction_id = given.id`)}
      ), expired as (
        -- without those at hand: a statement changes a row once
        select key from idempotency_keys
        where created_at < now() - ${lifetime} and key <> all(${given.key}::bytea[])
        order by created_at
        limit ${sql.lit(removedAtOnce)}
        for update skip locked
      ), removed as (
        delete from idempotency_keys where key = any(array(select key from expired))
      )
      select interaction_id as id from claimed`.compile(kysely),
  )

  const select = database.prepare('find_idempotency_keys', ({ keys }: { keys: readonly Buffer[] }) =>
    kysely
      .selectFrom('idempotency_keys')
      .select(['key', 'fingerprint', 'interaction_id'])
      .where('key', '=', sql<Buffer>`any(${keys}::bytea[])`)
      .compile(),
  )

  const createTogether = batch(
    async (all: readonly KeyedCreation[]) => {
      // a statement takes a key once, so that who else has it is left to the next one
      const firsts = new Map<string, KeyedCreation>()
      for (const one of all) if (!firsts.has(hex(one))) firsts.set(hex(one), one)
      // one order everywhere, so that batches with the same keys wait for each other instead of locking each other out
      const rows = [...firsts.values()].toSorted((a, b) => a.key.compare(b.key))
      const created = await createAll({
        ...toLists(rows),
        key: rows.map(({ key }) => key),
        fingerprint: rows.map(({ fingerprint }) => fingerprint),
      })
      const ids = new Set(created.map(({ id }) => id))
      const isTaken = ({ id }: KeyedCreation) => !ids.has(id)
      const keys = rows.filter(isTaken).map(({ key }) => key)
      const kept = keys.length === 0 ? [] : await select({ keys })
      const keptOf = new Map(kept.map((row) => [hex(row), row]))
      return all.map((one) => {
        if (!isTaken(one)) return { id: one.id }
        const known = keptOf.get(hex(one))
        if (known === undefined) return 'again'
        return { id: known.fingerprint.equals(one.fingerprint) ? known.interaction_id : undefined }
      })
    },
    { concurrency: 2, maxSize: 100, retryTimeoutMs },
  )

  return (given) =>
    retry(async () => {
      for (;;) {
        const outcome = await createTogether(given)
        if (outcome !== 'again') return outcome.id
      }
    }, retryTimeoutMs)
}

const hex = ({ key }: { readonly key: Buffer }) => key.toString('hex')
