// The table of OAuth clients.
import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { Tables } from '../../database/tables.ts'
import { defaultSecretCost, hashSecret, verifySecret } from './secrets.ts'

export type Role = 'AGENT' | 'SUPERVISOR' | 'SERVICE'

export interface Client {
  readonly clientId: string
  readonly role: Role
  /** null for a SERVICE only */
  readonly organizationId: string | null
  readonly scopes: readonly string[]
}

export interface ListedClient extends Client {
  /** UTC, ISO 8601 */
  readonly createdAt: string
  readonly revokedAt: string | null
  /** null when there is only one secret */
  readonly oldSecretExpiresAt: string | null
}

/** Returns what the audit log says of a client. */
export function toAuditFields({ clientId, role, organizationId, scopes }: Client) {
  return { client: clientId, role, organization: organizationId, scopes }
}

/** The scopes of clients that are created without any. */
export const defaultScopes = ['interactions'] as const

const clientColumns = [
  'client_id as clientId',
  'role',
  'organization_id as organizationId',
  'scopes',
] as const

/** Callers must not learn why they are refused; the audit log may say so. The id is that of a client that exists. */
export type Authentication =
  | { readonly client: Client }
  | { readonly refusal: 'unknown client' }
  | { readonly refusal: 'wrong secret' | 'revoked client'; readonly clientId: string }

/** How what takes long waits for its turn. */
export interface Turns {
  read<Row>(work: () => Promise<Row>): Promise<Row>
  readonly verify: typeof verifySecret
}

const immediately: Turns = { read: (work) => work(), verify: verifySecret }

/**
 * Finds the client of that id and secret, which may be the old one until its time is over. The time does not reveal the
 * result.
 */
export async function authenticateClient(
  kysely: Kysely<Tables>,
  clientId: string,
  clientSecret: string,
  secretCost = defaultSecretCost,
  { read, verify }: Turns = immediately,
): Promise<Authentication> {
  const found = clientId.includes('\u0000') ? undefined : await read(() => findClient(kysely, clientId))
  const isRight = await verify(clientSecret, found?.isRevoked === false ? found.hashes : [], secretCost)
  if (found === undefined) return { refusal: 'unknown client' }
  if (found.isRevoked) return { refusal: 'revoked client', clientId }
  return isRight ? { client: found.client } : { refusal: 'wrong secret', clientId }
}

async function findClient(kysely: Kysely<Tables>, clientId: string) {
  const row = await kysely
    .selectFrom('oauth_clients')
    .select([
      ...clientColumns,
      'revoked_at',
      'secret_hash',
      oldSecret('old_secret_hash').as('old_secret_hash'),
    ])
    .where('client_id', '=', clientId)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { secret_hash: hash, old_secret_hash: oldHash, revoked_at: revokedAt, ...client } = row
  return { client, isRevoked: revokedAt !== null, hashes: oldHash === null ? [hash] : [hash, oldHash] }
}

/** A column of the old secret; null when its time is over. */
function oldSecret(column: 'old_secret_hash' | 'old_secret_expires_at') {
  return sql<string | null>`case when old_secret_expires_at > now() then ${sql.ref(column)} end`
}

/** Creates a client. @returns `duplicate`, with nothing changed, when one of that id exists, revoked or not */
export async function createClient(
  kysely: Kysely<Tables>,
  client: Client,
  secret: string,
  secretCost = defaultSecretCost,
): Promise<'created' | 'duplicate'> {
  const row = await kysely
    .insertInto('oauth_clients')
    .values(await toRow(client, secret, secretCost))
    .onConflict((conflict) => conflict.column('client_id').doNothing())
    .returning('client_id')
    .executeTakeFirst()
  return row === undefined ? 'duplicate' : 'created'
}

/** Creates a client, or replaces the one of that id and both of its secrets. Replacing a revoked client restores it. */
export async function putClient(
  kysely: Kysely<Tables>,
  client: Client,
  secret: string,
  secretCost = defaultSecretCost,
): Promise<void> {
  const { client_id: _, ...rest } = await toRow(client, secret, secretCost)
  await kysely
    .insertInto('oauth_clients')
    .values({ client_id: client.clientId, ...rest })
    .onConflict((conflict) => conflict.column('client_id').doUpdateSet({ ...rest, revoked_at: null }))
    .execute()
}

/** Returns all clients, ordered by id. */
export async function listClients(kysely: Kysely<Tables>): Promise<ListedClient[]> {
  return kysely
    .selectFrom('oauth_clients')
    .select([
      ...clientColumns,
      isoSeconds<string>(sql.ref('created_at')).as('createdAt'),
      isoSeconds<string | null>(sql.ref('revoked_at')).as('revokedAt'),
      isoSeconds<string | null>(oldSecret('old_secret_expires_at')).as('oldSecretExpiresAt'),
    ])
    .orderBy('client_id')
    .execute()
}

/** Returns a time as UTC, ISO 8601. */
export function isoSeconds<Value>(time: RawBuilder<unknown>) {
  return sql<Value>`to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
}

/** Stops issuing tokens to a client; its current tokens stay valid until they expire. @returns false when there is no such client */
export async function revokeClient(kysely: Kysely<Tables>, clientId: string): Promise<boolean> {
  const row = await kysely
    .updateTable('oauth_clients')
    .set({ revoked_at: sql`coalesce(revoked_at, now())` })
    .where('client_id', '=', clientId)
    .returning('client_id')
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Deletes a client, whose id can then be used again; its current tokens stay valid until they expire.
 * @returns false when there is no such client
 */
export async function deleteClient(kysely: Kysely<Tables>, clientId: string): Promise<boolean> {
  const row = await kysely
    .deleteFrom('oauth_clients')
    .where('client_id', '=', clientId)
    .returning('client_id')
    .executeTakeFirst()
  return row !== undefined
}

export const noOldSecret = { old_secret_hash: null, old_secret_expires_at: null } as const

async function toRow({ clientId, role, organizationId, scopes }: Client, secret: string, secretCost: number) {
  return {
    client_id: clientId,
    secret_hash: await hashSecret(secret, secretCost),
    ...noOldSecret,
    role,
    organization_id: organizationId,
    scopes: [...scopes],
  }
}
