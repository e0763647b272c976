// All SQL on OAuth clients.
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Tables } from '../database/tables.ts'
import { hashSecret, verifySecret } from './secrets.ts'

export type Role = 'AGENT' | 'SUPERVISOR' | 'SERVICE'

export interface Client {
  readonly clientId: string
  readonly role: Role
  /** null for a SERVICE, and for no other */
  readonly organizationId: string | null
  readonly scopes: readonly string[]
}

export interface ListedClient extends Client {
  /** UTC, ISO 8601 */
  readonly createdAt: string
  readonly revokedAt: string | null
}

/** The scopes of a client that was given none. */
export const defaultScopes = ['interactions'] as const

const clientColumns = [
  'client_id as clientId',
  'role',
  'organization_id as organizationId',
  'scopes',
] as const

/**
 * The client with that id and secret; undefined when there is none, its secret is another, or it was revoked. Which
 * of these cannot be told from the answer, nor from the time that it takes.
 */
export async function authenticateClient(
  kysely: Kysely<Tables>,
  clientId: string,
  clientSecret: string,
): Promise<Client | undefined> {
  const found = clientId.includes('\u0000') ? undefined : await findActive(kysely, clientId)
  if (!(await verifySecret(clientSecret, found?.secretHash))) return undefined
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

/** @returns 'duplicate' when a client of that id exists, revoked or not; nothing is changed then */
export async function createClient(
  kysely: Kysely<Tables>,
  client: Client,
  secret: string,
): Promise<'created' | 'duplicate'> {
  const row = await kysely
    .insertInto('oauth_clients')
    .values(await toRow(client, secret))
    .onConflict((conflict) => conflict.column('client_id').doNothing())
    .returning('client_id')
    .executeTakeFirst()
  return row === undefined ? 'duplicate' : 'created'
}

/** Creates the client, or makes the one of that id as given; one that was revoked works again. */
export async function putClient(kysely: Kysely<Tables>, client: Client, secret: string): Promise<void> {
  const { client_id: _, ...rest } = await toRow(client, secret)
  await kysely
    .insertInto('oauth_clients')
    .values({ client_id: client.clientId, ...rest })
    .onConflict((conflict) => conflict.column('client_id').doUpdateSet({ ...rest, revoked_at: null }))
    .execute()
}

/** Every client, by id. */
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

/** The client gets no more tokens; those that it has live until they expire. @returns false when there is none */
export async function revokeClient(kysely: Kysely<Tables>, clientId: string): Promise<boolean> {
  const row = await kysely
    .updateTable('oauth_clients')
    .set({ revoked_at: sql`coalesce(revoked_at, now())` })
    .where('client_id', '=', clientId)
    .returning('client_id')
    .executeTakeFirst()
  return row !== undefined
}

async function toRow({ clientId, role, organizationId, scopes }: Client, secret: string) {
  return {
    client_id: clientId,
    secret_hash: await hashSecret(secret),
    role,
    organization_id: organizationId,
    scopes: [...scopes],
  }
}
