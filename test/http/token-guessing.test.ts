// The throttle slows down guessing of secrets, and does not slow down correct clients (contract §2).
import type { LightMyRequestResponse } from 'fastify'
import { expect, test } from 'vitest'
import { revokeClient } from '../../src/auth/clients/clients.ts'
import { startTestApp } from '../support/app.ts'
import { putClient } from '../support/clients.ts'
import { addClient, agentClient, askForToken, query, styles } from './support/oauth.ts'
import { expectProblem } from './support/replies.ts'

const settings = { TOKEN_FAILURES_PER_CLIENT: '3', TOKEN_FAILURES_PER_ADDRESS: '9' }
const service = await startTestApp(settings)

let made = 0
/** A new client and two addresses without requests so far. */
async function newcomer() {
  made++
  const [clientId, secret] = await addClient(service, agentClient(`client-${made}`), 'right')
  return { clientId, secret, home: `192.0.2.${made}`, away: `198.51.100.${made}` }
}

function ask(clientId: string, secret: string, address: string, headers = {}, app = service) {
  return app.inject({
    method: 'POST',
    url: `/security/oauth/token?${query({ grant_type: 'client_credentials', client_id: clientId, client_secret: secret })}`,
    remoteAddress: address,
    headers,
  })
}

const statuses = (replies: readonly LightMyRequestResponse[]) => replies.map(({ statusCode }) => statusCode)

function expectTooMany(reply: LightMyRequestResponse): void {
  expectProblem(reply, 429, 'too_many_requests')
  expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  expect(Number(reply.headers['retry-after'])).toBeLessThanOrEqual(60)
  expect(reply.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' })
}

test.each(styles)('after too many wrong secrets, the right one is refused too, by %s', async (style) => {
  const { clientId } = await newcomer()
  for (const _ of [1, 2, 3])
    expect((await askForToken(service, style, [clientId, 'wrong'])).statusCode).toBe(401)
  const [right, wrong] = [
    await askForToken(service, style, [clientId, 'right']),
    await askForToken(service, style, [clientId, 'wrong']),
  ]
  expectTooMany(right)
  expect(right.body).toBe(wrong.body)
})

test('an unknown client is refused after as many failures as a known one', async () => {
  const { away } = await newcomer()
  const replies = []
  for (const _ of [1, 2, 3, 4]) replies.push(await ask(`unknown ${made}`, 'wrong', away))
  expect(statuses(replies)).toEqual([401, 401, 401, 429])
})

test('failures of one client do not affect another client at the same address', async () => {
  const [one, other] = [await newcomer(), await newcomer()]
  for (const _ of [1, 2, 3, 4]) await ask(one.clientId, 'wrong', one.away)
  expect((await ask(other.clientId, 'right', one.away)).statusCode).toBe(200)
})

test('an address with failures of many clients is refused for all clients, and other addresses are not', async () => {
  const { clientId, home, away } = await newcomer()
  for (let n = 0; n < 9; n++) expect((await ask(`guess-${n}`, 'wrong', away)).statusCode).toBe(401)
  expectTooMany(await ask(clientId, 'right', away))
  expectTooMany(await ask(clientId, 'right', `::ffff:${away}`))
  expect((await ask(clientId, 'right', home)).statusCode).toBe(200)
})

test('the addresses of an IPv6 network count as one', async () => {
  const { clientId } = await newcomer()
  for (let n = 0; n < 9; n++)
    expect((await ask(`guess6-${n}`, 'wrong', `2001:db8:0:1::${n}`)).statusCode).toBe(401)
  expectTooMany(await ask(clientId, 'right', '2001:db8:0:1:ffff::1'))
  expect((await ask(clientId, 'right', '2001:db8:0:2::1')).statusCode).toBe(200)
})

test('successful requests, and those without credentials or with a bad grant, are not counted', async () => {
  const { clientId, home } = await newcomer()
  for (let n = 0; n < 10; n++) {
    expect((await ask(clientId, 'right', home)).statusCode).toBe(200)
    expect((await ask('', '', home)).statusCode).toBe(401)
    const scope = query({ client_id: clientId, client_secret: 'right', scope: 'x', grant_type: 'x' })
    const url = `/security/oauth/token?${scope}`
    expect((await service.inject({ method: 'POST', url, remoteAddress: home })).statusCode).toBe(400)
  }
})

test('a client cannot be locked out by others at an address where it succeeded, and guesses there are limited too', async () => {
  const { clientId, home, away } = await newcomer()
  await ask(clientId, 'right', home)
  for (const _ of [1, 2, 3, 4]) await ask(clientId, 'wrong', away)
  expectTooMany(await ask(clientId, 'right', away))
  expect((await ask(clientId, 'right', home)).statusCode).toBe(200)
  for (const _ of [1, 2, 3]) await ask(clientId, 'wrong', home)
  expectTooMany(await ask(clientId, 'right', home))
})

test('no more of parallel guesses are answered than of sequential ones', async () => {
  const { clientId, away } = await newcomer()
  const guesses = Array.from({ length: 60 }, (_, n) => ask(clientId, n === 59 ? 'right' : 'wrong', away))
  const answered = statuses(await Promise.all(guesses))
  expect(answered.filter((status) => status === 401)).toHaveLength(3)
  expect(answered.filter((status) => status === 429)).toHaveLength(57)
})

test('very many correct requests at once are all answered: the secret is hashed a few times only', async () => {
  const home = '192.0.2.250'
  // hashing its secret for each would take several seconds
  const [clientId] = await addClient(service, agentClient('busy'), 'right', 14)
  const replies = await Promise.all(Array.from({ length: 100 }, () => ask(clientId, 'right', home)))
  expect(statuses(replies)).toEqual(Array(100).fill(200))
})

test('a secret that was verified lately is refused as soon as it is revoked or replaced', async () => {
  const { clientId, home } = await newcomer()
  const { kysely } = service.database
  expect((await ask(clientId, 'right', home)).statusCode).toBe(200)
  await putClient(kysely, agentClient(clientId), 'new')
  expect((await ask(clientId, 'right', home)).statusCode).toBe(401)
  expect((await ask(clientId, 'new', home)).statusCode).toBe(200)
  await revokeClient(kysely, clientId)
  expect((await ask(clientId, 'new', home)).statusCode).toBe(401)
})

test('a client that has succeeded at an address is not refused because of other ids there', async () => {
  const { clientId, home } = await newcomer()
  await ask(clientId, 'right', home)
  for (let n = 0; n < 12; n++) await ask(`other-${n}`, 'wrong', home)
  expectTooMany(await ask('other', 'wrong', home))
  expect((await ask(clientId, 'right', home)).statusCode).toBe(200)
  // its own failures are limited all the same
  for (const _ of [1, 2, 3]) expect((await ask(clientId, 'wrong', home)).statusCode).toBe(401)
  expectTooMany(await ask(clientId, 'right', home))
})

test('after the window, failures are forgotten', async () => {
  const hasty = await startTestApp({ ...settings, TOKEN_FAILURE_WINDOW_SECONDS: '1' })
  const [clientId, secret] = await addClient(hasty, agentClient('client'), 'right')
  for (const _ of [1, 2, 3]) await ask(clientId, 'wrong', '192.0.2.1', {}, hasty)
  const refused = await ask(clientId, secret, '192.0.2.1', {}, hasty)
  expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1'])
  await expect.poll(async () => (await ask(clientId, secret, '192.0.2.1', {}, hasty)).statusCode).toBe(200)
})

test('one log line names the address, and nothing that the request contained', async () => {
  const { clientId, away } = await newcomer()
  for (const _ of [1, 2, 3, 4, 5]) await ask(clientId, 'gu3ss', away)
  const lines = service.logged.filter((line) => line.includes(away) && line.includes('too many failed'))
  expect(lines).toHaveLength(1)
  expect(lines.join()).not.toMatch(new RegExp(`${clientId}|gu3ss`))
})

test('X-Forwarded-For is trusted from trusted proxies only', async () => {
  const trusting = await startTestApp({ ...settings, TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::7' })
  const guess = (proxy: string, claimed: string) =>
    ask('nobody', 'wrong', proxy, { 'x-forwarded-for': claimed }, trusting)
  const from = (proxy: string) =>
    Promise.all(Array.from({ length: 12 }, (_, n) => guess(proxy, `203.0.113.${n}`)))
  // the limit of the client id applies to all addresses
  expect(statuses(await from('10.1.2.3')).filter((status) => status === 401)).toHaveLength(3)
  const named = async (n: number, proxy: string) =>
    (await ask(`name-${n}`, 'wrong', proxy, { 'x-forwarded-for': `203.0.113.${n + 20}` }, trusting))
      .statusCode
  for (let n = 0; n < 12; n++) expect(await named(n, '10.1.2.3')).toBe(401)
  for (let n = 12; n < 24; n++) expect(await named(n, '192.0.2.9')).toBe(n < 21 ? 401 : 429)
})
