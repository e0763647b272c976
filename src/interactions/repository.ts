// The one door to the interactions table: create, find, update, search, scan. It retries what fails for a moment, and
// returns 'unknown' for a write of which it cannot find out whether it was applied.
import type { Database } from '../database/database.ts'
import { retry } from '../database/retry.ts'
import { isAmbiguous, isTransient } from '../database/sqlstate.ts'
import { limitWaiting } from '../http/admission.ts'
import { prepareSingleRows } from './distributed/single-rows.ts'
import { type KeyedInteraction, prepareIdempotentInsert } from './sql/idempotent-insert.ts'
import { type NewInteraction, prepareInsert } from './sql/insert.ts'
import type { Criteria } from './sql/matching.ts'
import type { Pageable } from './sql/order.ts'
import { type FoundRow, type InteractionRow, prepareFind, prepareFindAll } from './sql/rows.ts'
import { prepareScan, type Scan } from './sql/scan.ts'
import { prepareSearch, type Search, type SearchOptions } from './sql/search.ts'
import { type InteractionUpdate, prepareUpdate, type UpdateOutcome } from './sql/update.ts'

/** `unknown`: the connection was lost, and others have written since, so that the stored row does not tell. */
export type WriteOutcome<Outcome> = Outcome | 'unknown'

/** What `holder` is: whose turn a call takes among those that share a statement; its organization by default. */
export interface InteractionRepository {
  /** Stores a new interaction with version 0, unless its id exists in any organization. */
  create(interaction: NewInteraction, holder?: string): Promise<WriteOutcome<'created' | 'duplicate'>>
  /**
   * Creates an interaction with an idempotency key, once however often it is called within 24 hours.
   * @returns the id that was created with the key, now or before; undefined when that was from other content
   */
  createOnce(interaction: KeyedInteraction, holder?: string): Promise<string | undefined>
  /**
   * Loads the data only if the interaction belongs to the organization; undefined: any.
   * @returns undefined when no organization has an interaction with that id
   */
  find(id: string, organizationId?: string, holder?: string): Promise<FoundRow | undefined>
  /** Returns the interactions with these ids, in their order; undefined for each that does not exist. */
  findAll(ids: readonly string[], holder?: string): Promise<readonly (InteractionRow | undefined)[]>
  /**
   * Updates an interaction. Comparing the version and writing is one step: of concurrent updates with the same version
   * one is applied. An update that gives `type` or `data` adds 1 to the version; one that gives neither changes nothing,
   * but its conditions are checked.
   */
  update(update: InteractionUpdate, holder?: string): Promise<WriteOutcome<UpdateOutcome>>
  search(criteria: Criteria, pageable: Pageable, holder?: string): Search
  scan: Scan
}

export interface RepositoryOptions extends SearchOptions {
  /**
   * how many connections all scans and large pages use together, and one more for those who use none; 1 by default. They
   * need not be fast: their statements wait for each other.
   */
  readonly scanConcurrency?: number
}

/** Prepares the statements; they run when the functions are called. */
export function interactionRepository(database: Database, options: RepositoryOptions): InteractionRepository {
  const { retryTimeoutMs } = database
  const retryRead = <Result>(read: () => Promise<Result>) => retry(read, retryTimeoutMs)

  const statements = database.isDistributed ? prepareSingleRows(database) : prepareBatches(database)
  const { findOnce } = statements
  const insert = database.guardWrite(statements.insert)
  const insertOnce = database.guardWrite(statements.insertOnce)
  const updateOnce = database.guardWrite(statements.updateOnce)
  const findAll = prepareFindAll(database)
  const search = prepareSearch(database, options)
  const admitStream = limitWaiting({
    concurrency: options.scanConcurrency ?? 1,
    reserve: 1,
    longestWaitMs: Number.POSITIVE_INFINITY,
  })

  return {
    create: (interaction, holder = interaction.organizationId) =>
      writeUntilCertain(retryTimeoutMs, {
        write: () => insert(interaction, holder),
        refusal: 'duplicate',
        judge: async () =>
          judgeCreation(
            interaction,
            await findOnce({ id: interaction.id, organizationId: interaction.organizationId }, holder),
          ),
      }),
    createOnce: (interaction, holder = interaction.organizationId) =>
      retryRead(() => insertOnce(interaction, holder)),
    find: (id, organizationId, holder = organizationId ?? '') =>
      retryRead(() => findOnce({ id, organizationId }, holder)),
    findAll: (ids, holder = '') => admitStream(holder, () => retryRead(() => findAll(ids))),
    update(update, holder = update.organizationId ?? '') {
      const { type, data, version } = update
      const write = () => updateOnce(update, holder)
      if (type === undefined && data === undefined) return retryRead(write)
      // applied twice, it would add 2 to the version
      if (version === undefined)
        return retry(write, retryTimeoutMs, (error) => isTransient(error) && !isAmbiguous(error))
      return writeUntilCertain(retryTimeoutMs, {
        write,
        refusal: 'stale',
        judge: async () => judgeUpdate(update, version, await findOnce(update, holder)),
      })
    },
    search(criteria, pageable, holder = criteria.organizationId ?? '') {
      const { cost, run } = search(criteria, pageable, holder)
      return { cost, run: (gone) => retryRead(() => run(gone)) }
    },
    scan: prepareScan(database, {
      admit: admitStream,
      timeoutMs: options.searchTimeoutMs,
      retry: retryRead,
    }),
  }
}

/** Prepares the statements that calls share. */
function prepareBatches(database: Database) {
  const { connectTimeoutMs: startTimeoutMs } = database
  const reads = { concurrency: 4, maxSize: 16, startTimeoutMs } as const
  const writes = { concurrency: 3, maxSize: 100, startTimeoutMs } as const
  return {
    insert: prepareInsert(database, writes),
    insertOnce: prepareIdempotentInsert(database, { ...writes, concurrency: 2 }),
    findOnce: prepareFind(database, reads),
    updateOnce: prepareUpdate(database, writes),
  }
}

interface UncertainWrite<Outcome> {
  readonly write: () => Promise<Outcome>
  /** the outcome which, after an ambiguous failure, may be caused by the write itself */
  readonly refusal: Outcome
  /** Finds out by the stored row whether the write was applied. */
  readonly judge: () => Promise<WriteOutcome<Outcome>>
}

/** Repeats a write that applies once however often it is sent, until its outcome is certain. */
function writeUntilCertain<Outcome>(
  retryTimeoutMs: number,
  { write, refusal, judge }: UncertainWrite<Outcome>,
): Promise<WriteOutcome<Outcome>> {
  let wasAmbiguous = false
  return retry(async () => {
    try {
      const outcome = await write()
      if (outcome !== refusal || !wasAmbiguous) return outcome
    } catch (error) {
      wasAmbiguous ||= isAmbiguous(error)
      throw error
    }
    return judge()
  }, retryTimeoutMs)
}

function judgeCreation(given: NewInteraction, stored: FoundRow | undefined) {
  const isOfSameCaller =
    stored?.organization_id === given.organizationId && stored.created_by === given.createdBy
  if (!isOfSameCaller) return 'duplicate'
  if (stored.version !== '0') return 'unknown'
  return stored.type === (given.type ?? null) && stored.data === given.data ? 'created' : 'duplicate'
}

function judgeUpdate(given: InteractionUpdate, version: bigint, stored: FoundRow | undefined) {
  if (stored === undefined) return 'missing'
  if (BigInt(stored.version) > version + 1n) return 'unknown'
  const isOurs =
    BigInt(stored.version) === version + 1n &&
    (given.type ?? stored.type) === stored.type &&
    (given.data ?? stored.data) === stored.data
  return isOurs ? 'updated' : 'stale'
}
