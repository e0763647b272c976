// Attacks by responses that are not read, as an honest caller of another organization sees them.
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { requestText } from '../faults/support/load.ts'
import { dataDirectory } from '../process/support/caller.ts'
import { attackAndMeasure, expectFairness, serveTwoOrganizations } from './support/attack.ts'

const always = '?start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z'

/** Starts a service, and stores interactions whose data has `bytes` bytes. */
async function start(...stored: { organization: string; count: number; bytes: number }[]) {
  const folder = await dataDirectory()
  const attacked = await serveTwoOrganizations({ DATA_DIR: folder })
  const client = new pg.Client(await findEmbeddedPostgres(folder))
  await client.connect()
  onTestFinished(() => client.end())
  for (const { organization, count, bytes } of stored)
    await client.query(
      `with random as materialized (select string_agg(md5($1 || m), '') as text from generate_series(1, $3 / 32) as m)
       insert into interactions (id, organization_id, created_by, created_at, data)
       select $1 || n, $1, 'agent', '2020-01-01'::timestamptz + n * interval '1 second', json_build_object('text', text)
       from random, generate_series(1, $2::int) as n`,
      [organization, count, bytes],
    )
  await client.query('vacuum analyze interactions')
  return { ...attacked, client }
}

/** Sends a request on a connection of its own whose response is not read. */
function sendUnread(baseUrl: string, request: string) {
  const socket = connect(Number(new URL(baseUrl).port), '127.0.0.1').pause()
  socket.on('error', () => {})
  socket.write(request)
  return socket
}

/** Sends requests on connections of their own until the attack is over. */
async function holdUnread(baseUrl: string, count: number, over: AbortSignal, request: string) {
  const sockets = Array.from({ length: count }, () => sendUnread(baseUrl, request))
  await new Promise((resolve) => over.addEventListener('abort', resolve, { once: true }))
  for (const socket of sockets) socket.destroy()
}

test('60 pages of 2,000 that are not read', async () => {
  const attacked = await start({ organization: 'attacker', count: 2_000, bytes: 2_048 })
  const { service, attackerToken } = attacked
  const request = requestText(attackerToken, 'GET', `${always}&size=2000`)
  const report = await attackAndMeasure(attacked, (over) => holdUnread(service.baseUrl, 60, over, request))
  expectFairness('60 unread pages of 2,000', report)
})

const attacks = {
  '36 streams of ten 1 MB interactions': 'Accept: application/x-ndjson\r\n',
  '36 lists of ten 1 MB interactions': '',
}

test('large responses that are not read do not cut an export that is read steadily', async () => {
  const large = { count: 10, bytes: 1_000_000 }
  const attacked = await start(
    { organization: 'attacker', ...large },
    { organization: 'honest', count: 52, bytes: 1_000_000 },
  )
  const { service, attackerToken, honestToken } = attacked
  const readExport = async (): Promise<number> => {
    const response = await fetch(`${service.baseUrl}/rtc-api/interactions${always}`, {
      headers: { authorization: `Bearer ${honestToken}`, accept: 'application/x-ndjson' },
    })
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length
      await pause(1)
    }
    return bytes
  }
  for (const [name, header] of Object.entries(attacks)) {
    const request = requestText(attackerToken, 'GET', `${always}&size=10`).replace('Host:', `${header}Host:`)
    const reading = readExport()
    const report = await attackAndMeasure(attacked, (over) => holdUnread(service.baseUrl, 36, over, request))
    expectFairness(`${name}, unread`, report)
    expect(await reading).toBeGreaterThan(52_000_000)
  }
})
