// OAuth clients: created, replaced, authenticated, listed and revoked.
import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type Client, listClients, revokeClient } from '../../src/auth/clients/clients.ts'
import { authenticateClient, createClient, putClient } from '../support/clients.ts'
import { cloneDatabase } from '../support/database.ts'

const { kysely } = (await cloneDatabase()).database

const anAgent = (): Client => ({
  clientId: `agent-${randomUUID()}`,
  role: 'AGENT',
  organizationId: 'acme',
  scopes: ['interactions', 'other'],
})
const aService = (): Client => ({ ...anAgent(), role: 'SERVICE', organizationId: null, scopes: [] })

describe('a created client', () => {
  test.each([anAgent(), aService(), { ...anAgent(), role: 'SUPERVISOR' } as const])(
    'is authenticated by its secret: $role',
    async (client) => {
      expect(await createClient(kysely, client, 'its secret')).toBe('created')
      expect(await authenticateClient(kysely, client.clientId, 'its secret')).toEqual(client)
    },
  )

  test.each(['Its secret', 'its secret ', '', 'its', '\u0000', 'its secret\u0000'])(
    'is not authenticated by another secret: %j',
    async (secret) => {
      const client = anAgent()
      await createClient(kysely, client, 'its secret')
      expect(await authenticateClient(kysely, client.clientId, secret)).toBeUndefined()
    },
  )

  test.each(['', 'x'.repeat(10_000), 'ünï 😀', 'a:b%c+d', '$1', ' '])(
    'may have any secret: %j',
    async (secret) => {
      const client = anAgent()
      await createClient(kysely, client, secret)
      expect(await authenticateClient(kysely, client.clientId, secret)).toEqual(client)
      expect(await authenticateClient(kysely, client.clientId, `${secret}.`)).toBeUndefined()
    },
  )

  test('is stored with a salted hash of its secret', async () => {
    const clients = [anAgent(), anAgent()]
    for (const client of clients) await createClient(kysely, client, 'the same secret')
    const ids = clients.map(({ clientId }) => clientId)
    const rows = await kysely.selectFrom('oauth_clients').selectAll().where('client_id', 'in', ids).execute()
    expect(new Set(rows.map((row) => row.secret_hash)).size).toBe(2)
    expect(JSON.stringify(rows)).not.toContain('the same secret')
  })

  test('is unchanged when its id is created again', async () => {
    const client = anAgent()
    await createClient(kysely, client, 'first')
    const again = { ...aService(), clientId: client.clientId }
    expect(await createClient(kysely, again, 'second')).toBe('duplicate')
    expect(await authenticateClient(kysely, client.clientId, 'first')).toEqual(client)
    expect(await authenticateClient(kysely, client.clientId, 'second')).toBeUndefined()
  })

  test('is created once by parallel calls', async () => {
    const client = anAgent()
    const outcomes = await Promise.all(
      ['a', 'b', 'c', 'd'].map((secret) => createClient(kysely, client, secret)),
    )
    expect(outcomes.sort()).toEqual(['created', 'duplicate', 'duplicate', 'duplicate'])
  })
})

describe('a replaced client', () => {
  test('is created, or replaced in full', async () => {
    const client = anAgent()
    await putClient(kysely, client, 'first')
    expect(await authenticateClient(kysely, client.clientId, 'first')).toEqual(client)
    const changed = { ...aService(), clientId: client.clientId }
    await putClient(kysely, changed, 'second')
    expect(await authenticateClient(kysely, client.clientId, 'first')).toBeUndefined()
    expect(await authenticateClient(kysely, client.clientId, 'second')).toEqual(changed)
  })

  test('keeps the time at which it was created', async () => {
    const client = anAgent()
    await putClient(kysely, client, 'first')
    const created = () =>
      kysely
        .selectFrom('oauth_clients')
        .select('created_at')
        .where('client_id', '=', client.clientId)
        .execute()
    const before = await created()
    await putClient(kysely, client, 'second')
    expect(await created()).toEqual(before)
  })

  test('is restored when it was revoked, and no other is', async () => {
    const [client, another] = [anAgent(), anAgent()]
    for (const one of [client, another]) {
      await createClient(kysely, one, 'secret')
      await revokeClient(kysely, one.clientId)
    }
    await putClient(kysely, client, 'secret')
    expect(await authenticateClient(kysely, client.clientId, 'secret')).toEqual(client)
    expect(await authenticateClient(kysely, another.clientId, 'secret')).toBeUndefined()
  })

  test('has one of the secrets after parallel calls', async () => {
    const client = anAgent()
    const secrets = ['a', 'b', 'c', 'd']
    await Promise.all(secrets.map((secret) => putClient(kysely, client, secret)))
    const found = await Promise.all(
      secrets.map((secret) => authenticateClient(kysely, client.clientId, secret)),
    )
    expect(found.filter((one) => one !== undefined)).toEqual([client])
  })
})

describe('a revoked client', () => {
  test('is not authenticated, and cannot be created again', async () => {
    const client = anAgent()
    await createClient(kysely, client, 'secret')
    expect(await revokeClient(kysely, client.clientId)).toBe(true)
    expect(await authenticateClient(kysely, client.clientId, 'secret')).toBeUndefined()
    expect(await createClient(kysely, client, 'secret')).toBe('duplicate')
    expect(await authenticateClient(kysely, client.clientId, 'secret')).toBeUndefined()
  })

  test('keeps the time of the first revocation', async () => {
    const client = anAgent()
    await createClient(kysely, client, 'secret')
    await kysely
      .updateTable('oauth_clients')
      .set({ revoked_at: '2001-02-03T04:05:06Z' })
      .where('client_id', '=', client.clientId)
      .execute()
    expect(await revokeClient(kysely, client.clientId)).toBe(true)
    expect(await findListed(client)).toMatchObject({ revokedAt: '2001-02-03T04:05:06Z' })
  })

  test('does not affect others', async () => {
    const [client, another] = [anAgent(), anAgent()]
    for (const one of [client, another]) await createClient(kysely, one, 'secret')
    await revokeClient(kysely, client.clientId)
    expect(await authenticateClient(kysely, another.clientId, 'secret')).toEqual(another)
  })
})

test('no client has an unknown, hostile or invalid id', async () => {
  for (const id of [
    'nobody',
    '',
    "' or 1=1 --",
    '%',
    '\u0000',
    'agent\u0000',
    'x'.repeat(10_000),
    '\ud800',
  ]) {
    expect(await authenticateClient(kysely, id, 'secret')).toBeUndefined()
    if (!id.includes('\u0000')) expect(await revokeClient(kysely, id)).toBe(false)
  }
})

test('the list has all clients by id, with times in UTC and without secrets', async () => {
  const [first, second] = [
    { ...anAgent(), clientId: '0-b' },
    { ...aService(), clientId: '0-B' },
  ]
  for (const client of [first, second]) await createClient(kysely, client, 'secret')
  await revokeClient(kysely, '0-b')
  const time = expect.stringMatching(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  const clients = await listClients(kysely)
  expect(clients.slice(0, 2)).toEqual([
    { ...second, createdAt: time, revokedAt: null, oldSecretExpiresAt: null },
    { ...first, createdAt: time, revokedAt: time, oldSecretExpiresAt: null },
  ])
  expect(Math.abs(Date.parse(clients[0]?.createdAt ?? '') - Date.now())).toBeLessThan(60_000)
})

test.each([
  ['a SERVICE with an organization', { ...aService(), organizationId: 'acme' }],
  ['an AGENT without an organization', { ...anAgent(), organizationId: null }],
])('%s is rejected', async (_, client) => {
  await expect(createClient(kysely, client, 'secret')).rejects.toMatchObject({ code: '23514' })
  await expect(putClient(kysely, client, 'secret')).rejects.toMatchObject({ code: '23514' })
  expect(await findListed(client)).toBeUndefined()
})

async function findListed({ clientId }: Client) {
  return (await listClients(kysely)).find((one) => one.clientId === clientId)
}
