// Creates and authenticates clients with the lowest hash cost, which keeps the tests fast.
import * as clients from '../../src/auth/clients/clients.ts'

/** The value of SECRET_HASH_COST in tests. */
export const lowSecretCost = 4

type Kysely = Parameters<typeof clients.createClient>[0]

export const createClient = (kysely: Kysely, client: clients.Client, secret: string, cost = lowSecretCost) =>
  clients.createClient(kysely, client, secret, cost)

export const putClient = (kysely: Kysely, client: clients.Client, secret: string) =>
  clients.putClient(kysely, client, secret, lowSecretCost)

/** @returns undefined when the client is refused */
export async function authenticateClient(kysely: Kysely, clientId: string, secret: string) {
  const authentication = await clients.authenticateClient(kysely, clientId, secret, lowSecretCost)
  return 'client' in authentication ? authentication.client : undefined
}
