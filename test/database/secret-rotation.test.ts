// A client's secret is replaced while the old one stays valid for a while, and clients are deleted.
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { type Client, deleteClient, listClients, revokeClient } from '../../src/auth/clients/clients.ts'
import { dropOldSecret, rotateSecret } from '../../src/auth/clients/rotation.ts'
import * as clients from '../support/clients.ts'
import { authenticateClient, createClient, putClient } from '../support/clients.ts'
import { cloneDatabase } from '../support/database.ts'

const { kysely } = (await cloneDatabase()).database

/** Creates a client whose secret is `first`. */
async function addClient(): Promise<Client> {
  const client = {
    clientId: `agent-${randomUUID()}`,
    role: 'AGENT',
    organizationId: 'acme',
    scopes: ['interactions'],
  } as const
  await createClient(kysely, client, 'first')
  return client
}

const rotate = ({ clientId }: Client, secret: string, keepOldSeconds: number) =>
  rotateSecret(kysely, clientId, secret, { keepOldSeconds, secretCost: clients.lowSecretCost })

/** Returns those secrets that authenticate the client. */
async function findValid(client: Client, ...secrets: string[]): Promise<string[]> {
  const found = await Promise.all(
    secrets.map((secret) => authenticateClient(kysely, client.clientId, secret)),
  )
  for (const one of found) if (one !== undefined) expect(one).toEqual(client)
  return secrets.filter((_, index) => found[index] !== undefined)
}

async function readRow({ clientId }: Client) {
  return kysely
    .selectFrom('oauth_clients')
    .selectAll()
    .where('client_id', '=', clientId)
    .executeTakeFirstOrThrow()
}

/** Moves the end of the old secret into the past. */
async function endOldSecret({ clientId }: Client): Promise<void> {
  await kysely
    .updateTable('oauth_clients')
    .set({ old_secret_expires_at: sql`now() - interval '1 millisecond'` })
    .where('client_id', '=', clientId)
    .execute()
}

async function oldSecretExpiry(client: Client): Promise<string | null | undefined> {
  const listed = await listClients(kysely)
  return listed.find(({ clientId }) => clientId === client.clientId)?.oldSecretExpiresAt
}

describe('a new secret', () => {
  test('replaces the old one at once', async () => {
    const client = await addClient()
    expect(await rotate(client, 'second', 0)).toEqual({ oldSecretExpiresAt: null })
    expect(await findValid(client, 'first', 'second')).toEqual(['second'])
    expect(await oldSecretExpiry(client)).toBe(null)
  })

  test('works beside the old one until its time is over', async () => {
    const [client, another] = [await addClient(), await addClient()]
    const rotated = await rotate(client, 'second', 3600)
    expect(await findValid(client, 'first', 'second', 'third', '')).toEqual(['first', 'second'])
    const expiry = await oldSecretExpiry(client)
    expect(rotated).toEqual({ oldSecretExpiresAt: expiry })
    expect(Math.abs(Date.parse(expiry ?? '') - Date.now() - 3_600_000)).toBeLessThan(60_000)
    await endOldSecret(client)
    expect(await findValid(client, 'first', 'second')).toEqual(['second'])
    expect(await oldSecretExpiry(client)).toBe(null)
    expect(await findValid(another, 'first', 'second')).toEqual(['first'])
  })

  test('ends the time of the oldest: a client has two at most', async () => {
    const client = await addClient()
    await rotate(client, 'second', 3600)
    await rotate(client, 'third', 3600)
    expect(await findValid(client, 'first', 'second', 'third')).toEqual(['second', 'third'])
    await rotate(client, 'fourth', 0)
    expect(await findValid(client, 'first', 'second', 'third', 'fourth')).toEqual(['fourth'])
  })

  test('of several at the same time leaves the two latest', async () => {
    const client = await addClient()
    // the connections of the pool are open from the second round on
    for (const round of [1, 2, 3]) {
      const secrets = ['a', 'b', 'c', 'd'].map((name) => name + round)
      const before = await findValid(
        client,
        'first',
        ...['a', 'b', 'c', 'd'].map((name) => name + (round - 1)),
      )
      await Promise.all(secrets.map((secret) => rotate(client, secret, 3600)))
      expect(await findValid(client, ...secrets)).toHaveLength(2)
      expect(await findValid(client, ...before)).toEqual([])
    }
  })

  test('is stored as a hash of the same salt as the old one, and both keep nothing of the secrets', async () => {
    const client = await addClient()
    await rotate(client, 'the second secret', 3600)
    const { secret_hash: hash, old_secret_hash: old } = await readRow(client)
    const parameters = (text: string | null) => text?.slice(0, text.lastIndexOf('$'))
    expect(parameters(hash)).toBe(parameters(old))
    expect(hash).not.toBe(old)
    expect(JSON.stringify(await readRow(client))).not.toContain('the second secret')
    await rotate(client, 'the third secret', 0)
    expect(parameters((await readRow(client)).secret_hash)).not.toBe(parameters(hash))
  })

  test('is refused to a client that does not exist or is revoked', async () => {
    const client = await addClient()
    expect(await rotate({ ...client, clientId: 'nobody' }, 'second', 0)).toBe('missing')
    await revokeClient(kysely, client.clientId)
    expect(await rotate(client, 'second', 3600)).toBe('revoked')
    expect(await findValid(client, 'first', 'second')).toEqual([])
  })
})

describe('an old secret', () => {
  test('can be dropped before its time is over', async () => {
    const [client, another] = [await addClient(), await addClient()]
    for (const one of [client, another]) await rotate(one, 'second', 3600)
    expect(await dropOldSecret(kysely, client.clientId)).toBe(true)
    expect(await findValid(client, 'first', 'second')).toEqual(['second'])
    expect(await findValid(another, 'first', 'second')).toEqual(['first', 'second'])
    expect(await dropOldSecret(kysely, client.clientId)).toBe(false)
    expect(await dropOldSecret(kysely, 'nobody')).toBe(false)
    await endOldSecret(another)
    expect(await dropOldSecret(kysely, another.clientId)).toBe(false)
  })

  test('ends with its client, and when the client is replaced', async () => {
    const client = await addClient()
    await rotate(client, 'second', 3600)
    await revokeClient(kysely, client.clientId)
    expect(await findValid(client, 'first', 'second')).toEqual([])
    await putClient(kysely, client, 'third')
    expect(await findValid(client, 'first', 'second', 'third')).toEqual(['third'])
  })

  test('cannot be told from the time of a wrong guess', async () => {
    const cost = 12
    const [one, two] = [await addClient(), await addClient()]
    for (const client of [one, two])
      await rotateSecret(kysely, client.clientId, 'second', { keepOldSeconds: 0, secretCost: cost })
    await rotate(two, 'third', 3600)
    const took = async (client: Client) => {
      const start = performance.now()
      expect(await findValid(client, 'wrong')).toEqual([])
      return performance.now() - start
    }
    // the shortest times; a second derivation would double them
    let [single, double] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let round = 0; round < 10 || (round < 200 && double > 1.4 * single); round++) {
      single = Math.min(single, await took(one))
      double = Math.min(double, await took(two))
    }
    expect(double / single).toBeLessThan(1.4)
  })
})

describe('a deleted client', () => {
  test('is gone with both secrets, and no other is', async () => {
    const [client, another] = [await addClient(), await addClient()]
    await rotate(client, 'second', 3600)
    expect(await deleteClient(kysely, client.clientId)).toBe(true)
    expect(await findValid(client, 'first', 'second')).toEqual([])
    expect(await findValid(another, 'first')).toEqual(['first'])
    expect(await oldSecretExpiry(client)).toBe(undefined)
    expect(await deleteClient(kysely, client.clientId)).toBe(false)
  })

  test('leaves its id free for a new one, also when it was revoked', async () => {
    const client = await addClient()
    await revokeClient(kysely, client.clientId)
    await deleteClient(kysely, client.clientId)
    expect(await createClient(kysely, client, 'new')).toBe('created')
    expect(await findValid(client, 'first', 'new')).toEqual(['new'])
  })
})

describe('the migration', () => {
  const text = () =>
    readFile(path.join(import.meta.dirname, '..', '..', 'migrations', '0005_second_secret.sql'), 'utf8')

  test('keeps the clients of an older schema, whose servers keep working on the new one', async () => {
    const { database } = await cloneDatabase()
    const older = database.kysely
    const client = await addClient()
    const { client_id, secret_hash, role, organization_id, scopes } = await readRow(client)
    await sql`alter table oauth_clients drop column old_secret_hash, drop column old_secret_expires_at`.execute(
      older,
    )
    // as a server of the older version creates and replaces clients
    const put = () =>
      older
        .insertInto('oauth_clients')
        .values({ client_id, secret_hash, role, organization_id, scopes })
        .onConflict((conflict) => conflict.column('client_id').doUpdateSet({ secret_hash }))
        .execute()
    await put()
    // twice: applying it again changes nothing
    for (let time = 0; time < 2; time++) await sql.raw(await text()).execute(older)
    expect(await authenticateClient(older, client.clientId, 'first')).toEqual(client)
    await put()
    expect(await authenticateClient(older, client.clientId, 'first')).toEqual(client)
  })

  test.each([
    ['an expiry', sql`old_secret_expires_at = now()`],
    ['a hash', sql`old_secret_hash = 'scrypt'`],
  ])('rejects %s of an old secret without the other', async (_, assignment) => {
    const { clientId } = await addClient()
    const update = sql`update oauth_clients set ${assignment} where client_id = ${clientId}`
    await expect(update.execute(kysely)).rejects.toMatchObject({ code: '23514' })
  })
})
