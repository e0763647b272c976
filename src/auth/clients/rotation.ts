// Replaces the secret of a client while its callers still use the old one.
import { type Kysely, sql } from 'kysely'
import type { Tables } from '../../database/tables.ts'
import { isoSeconds, type ListedClient, noOldSecret } from './clients.ts'
import { defaultSecretCost, hashSecret, hashSecretLike } from './secrets.ts'

export interface Rotation {
  /** for how long the secret that was valid until now stays valid, in seconds; 0: not any longer */
  readonly keepOldSeconds: number
  readonly secretCost?: number
}

/**
 * Gives a client a new secret. A client has two secrets at most: a third one replaces the oldest.
 * @returns when the old secret expires, UTC; or why nothing was changed
 */
export async function rotateSecret(
  kysely: Kysely<Tables>,
  clientId: string,
  secret: string,
  { keepOldSeconds, secretCost = defaultSecretCost }: Rotation,
): Promise<Pick<ListedClient, 'oldSecretExpiresAt'> | 'missing' | 'revoked'> {
  const keepsOld = keepOldSeconds > 0
  return kysely.transaction().execute(async (transaction) => {
    const row = await transaction
      .selectFrom('oauth_clients')
      .select(['secret_hash', 'revoked_at'])
      .where('client_id', '=', clientId)
      .forUpdate()
      .executeTakeFirst()
    if (row === undefined) return 'missing'
    if (row.revoked_at !== null) return 'revoked'
    const hash = keepsOld ? hashSecretLike(row.secret_hash, secret) : hashSecret(secret, secretCost)
    return transaction
      .updateTable('oauth_clients')
      .set({
        secret_hash: await hash,
        old_secret_hash: keepsOld ? row.secret_hash : null,
        old_secret_expires_at: keepsOld ? sql`now() + make_interval(secs => ${keepOldSeconds})` : null,
      })
      .where('client_id', '=', clientId)
      .returning(isoSeconds<string | null>(sql.ref('old_secret_expires_at')).as('oldSecretExpiresAt'))
      .executeTakeFirstOrThrow()
  })
}

/** Ends the time of an old secret now. @returns false when the client does not exist, or has no old secret */
export async function dropOldSecret(kysely: Kysely<Tables>, clientId: string): Promise<boolean> {
  const row = await kysely
    .updateTable('oauth_clients')
    .set(noOldSecret)
    .where('client_id', '=', clientId)
    .where('old_secret_expires_at', '>', sql<string>`now()`)
    .returning('client_id')
    .executeTakeFirst()
  return row !== undefined
}
