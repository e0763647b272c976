// The table of OAuth clients.
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
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
}

/** The scopes of clients that are created without any. */
export const defaultScopes = ['interactions'] as const

const clientColumns = [
  'client_id as clientId',
  'role',
  'organization_id as organizationId',
  'scopes',
] as const

/**
 * Returns the client of that id and secret; undefined when it does not exist, its secret is wrong, or it is revoked.
 * Neither the result nor the time reveals which.
 */
export async function authenticateClient(
  kysely: Kysely<Tables>,
  clientId: string,
  clientSecret: string,
  secretCost = defaultSecretCost,
): Promise<Client | undefined> {
  const found = clientId.includes('\u0000') ? undefined : await findActive(kysely, clientId)
  if (!(await verifySecret(clientSecret, found?.secretHash, secretCost))) return undefined
  return found?.client
}

async function findActive(kysely: Kysely<Tables>, clientId: string) {
  const row = await kysely
    .selectFrom('oauth_clients')
    .select([...clientColumns, 'secret_hash'])
    .where('client_id', '=', clientId)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { secret_hash: secretHash, ...client } = row
  return { client, secretHash }
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

/** Creates a client, or replaces the one of that id. Replacing a revoked client restores it. */
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
      sql<string>`to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`.as('createdAt'),
      sql<string | null>`to_char(revoked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`.as(
        'revokedAt',
      ),
    ])
    .orderBy('client_id')
    .execute()
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

async function toRow({ clientId, role, organizationId, scopes }: Client, secret: string, secretCost: number) {
  return {
    client_id: clientId,
    secret_hash: await hashSecret(secret, secretCost),
    role,
    organization_id: organizationId,
    scopes: [...scopes],
  }
}
