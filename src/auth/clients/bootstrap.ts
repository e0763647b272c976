// Brings the clients of BOOTSTRAP_CLIENTS into the database; where nothing can be written, checks that they are there.
import type { BootstrapClient } from '../../config/bootstrap-clients.ts'
import type { Database } from '../../database/database.ts'
import type { AuditLog } from '../../observability/audit/log.ts'
import { authenticateClient, type Client, defaultScopes, putClient, toAuditFields } from './clients.ts'

interface Bootstrap {
  readonly clients: readonly BootstrapClient[]
  readonly secretCost: number
}

export async function putBootstrapClients(
  { clients, secretCost }: Bootstrap,
  { kysely }: Database,
  audit: AuditLog,
): Promise<void> {
  await Promise.all(
    clients.map(async (given) => {
      const client = toClient(given)
      await putClient(kysely, client, given.clientSecret, secretCost)
      audit.record('client.bootstrapped', toAuditFields(client))
    }),
  )
}

/** Returns the ids of the clients that the database does not have as they are given. */
export async function findOtherClients(
  { clients, secretCost }: Bootstrap,
  { kysely }: Database,
): Promise<string[]> {
  const checked = clients.map(async (given) => {
    const found = await authenticateClient(kysely, given.clientId, given.clientSecret, secretCost)
    return 'client' in found && isSame(found.client, toClient(given)) ? [] : [given.clientId]
  })
  return (await Promise.all(checked)).flat()
}

function toClient({ clientId, role, organizationId, scopes }: BootstrapClient): Client {
  return { clientId, role, organizationId: organizationId ?? null, scopes: scopes ?? defaultScopes }
}

function isSame(stored: Client, given: Client): boolean {
  return (
    stored.role === given.role &&
    stored.organizationId === given.organizationId &&
    stored.scopes.join(' ') === given.scopes.join(' ')
  )
}
