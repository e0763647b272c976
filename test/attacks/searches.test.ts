// Expensive searches of one organization (contract §9): what another organization sees meanwhile.
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { openConnections, requestText } from '../faults/support/load.ts'
import { dataDirectory } from '../process/support/caller.ts'
import {
  type AttackedService,
  attackAndMeasure,
  expectFairness,
  repeatOnConnections,
  serveTwoOrganizations,
} from './support/attack.ts'

const year = '?start=2024-01-01T00:00:00Z&end=2025-01-01T00:00:00Z'
const fiftyTags = Array.from({ length: 50 }, (_, n) => `tag-${n}`).join()
const tooManyTags = Array.from({ length: 2600 }, (_, n) => n.toString(36)).join()
const random = (below: number) => Math.floor(Math.random() * below)

interface Attack {
  readonly name: string
  readonly connections: number
  readonly query: () => string
  readonly giveUpAfterMs?: number
}

const attacks: readonly Attack[] = [
  { name: 'a year with 2,600 tags', connections: 12, query: () => `&tags=${tooManyTags}` },
  { name: 'a year with 50 tags', connections: 12, query: () => `&tags=${fiftyTags}` },
  {
    name: 'a year in an order without an index',
    connections: 12,
    query: () => `&sort=type,createdBy,ignorecase&page=${90 + random(10)}&size=2000`,
  },
  { name: 'a year with tags that nothing has', connections: 12, query: () => '&tags=none,never' },
  { name: 'a year without media', connections: 200, query: () => '&recording=no_media' },
  { name: 'a year of pages of 2,000', connections: 60, query: () => `&size=2000&page=${random(100)}` },
  {
    name: 'a year by hold duration',
    connections: 100,
    query: () => `&onHoldDurationGt=${random(1000)}&sort=version&size=2000`,
  },
  { name: 'searches that are given up', connections: 24, query: () => '&tags=none', giveUpAfterMs: 50 },
]

test('whatever one organization searches for, another is served, also when it searches for the same', async () => {
  const attacked = await start()
  const { service, attackerToken } = attacked
  for (const { name, connections, query, ...options } of attacks) {
    const request = () => requestText(attackerToken, 'GET', year + query())
    const attack = (over: AbortSignal) =>
      repeatOnConnections(service.baseUrl, connections, over, request, options)
    expectFairness(name, await attackAndMeasure(attacked, attack))
  }
  expect(await searchDuring(attacked)).toEqual(Array(10).fill(200))
})

/** Sends expensive searches as another organization while the attacker repeats the same. @returns their statuses */
async function searchDuring({ service, attackerToken, honestToken }: AttackedService): Promise<number[]> {
  const over = new AbortController()
  const request = (token: string) => requestText(token, 'GET', `${year}&tags=none,never`)
  const attack = repeatOnConnections(service.baseUrl, 12, over.signal, () => request(attackerToken))
  const statuses: number[] = []
  const [connection] = await openConnections(service.baseUrl, 1)
  while (statuses.length < 10) statuses.push((await connection?.send(request(honestToken)))?.status ?? 0)
  connection?.close()
  over.abort()
  await attack
  return statuses
}

async function start() {
  const folder = await dataDirectory()
  const attacked = await serveTwoOrganizations({ DATA_DIR: folder })
  await fill(folder, 200_000)
  return attacked
}

/** Gives the attacker's organization a year of interactions. */
async function fill(folder: string, count: number): Promise<void> {
  const client = new Client(await findEmbeddedPostgres(folder))
  await client.connect()
  await client.query(
    `insert into interactions (id, organization_id, created_by, created_at, type, data)
     select 'row-' || n, 'attacker', 'agent-' || n % 50, timestamptz '2024-01-01Z' + n * interval '2 min',
            (array['audio', 'video', 'chat'])[1 + n % 3],
            format('{"customerId":"c-%s","onHoldDuration":%s,"tags":["t-%s"],"text":"%s"}', n, n % 1000, n % 9, repeat('x', 150))::json
     from generate_series(1, $1::int) n`,
    [count],
  )
  await client.query('vacuum analyze interactions')
  await client.end()
}
