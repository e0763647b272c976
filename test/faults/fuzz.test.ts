// Sends requests generated from the OpenAPI document to a real server. They use the ids and versions of earlier responses.
// FAULTS_REQUESTS sets their number. FAULTS_SEED repeats a run, and FAULTS_PATH the sequence that failed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dataDirectory, serve } from '../process/support/caller.ts'
import { signingKeyPem } from '../support/keys.ts'
import { signToken } from '../support/tokens.ts'
import { isFull } from './support/amount.ts'
import { startRun } from './support/fuzz-run.ts'
import { anyStep } from './support/requests.ts'
import { openWire } from './support/wire.ts'

const requests = Number(process.env.FAULTS_REQUESTS ?? (isFull ? 20_000 : 2_000))
const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31))
const path = process.env.FAULTS_PATH
const perRun = 20

const exp = Math.floor(Date.now() / 1000) + 7200
const claims = (organization: string) => ({
  sub: `user-of-${organization}`,
  organization,
  authorities: ['AGENT'],
  exp,
})
const tokens = {
  acme: signToken(claims('acme')),
  globex: signToken(claims('globex')),
  service: signToken({ sub: 'a service', authorities: ['SERVICE'], exp }),
  none: undefined,
  forged: `${signToken(claims('acme')).slice(0, -8)}AAAAAAAA`,
  expired: signToken({ ...claims('globex'), exp: 1 }),
  elsewhere: signToken({ ...claims('acme'), aud: 'another-api' }),
}
const client = { clientId: 'fuzz', clientSecret: 'fuzz-secret', role: 'AGENT', organizationId: 'acme' }
const credentials = { grant_type: 'client_credentials', client_id: 'fuzz', client_secret: 'fuzz-secret' }

test(`${requests} generated requests get the responses that the document describes (seed ${seed})`, async () => {
  const service = await serve({
    DATA_DIR: await dataDirectory(),
    JWT_PRIVATE_KEY: signingKeyPem,
    BOOTSTRAP_CLIENTS: JSON.stringify([client]),
    TOKEN_FAILURES_PER_CLIENT: '1000000',
    TOKEN_FAILURES_PER_ADDRESS: '1000000',
  })
  const wire = openWire(service.baseUrl)
  const statuses = new Map<number, number>()
  let runs = 0
  const sequence = fc.array(anyStep, { minLength: perRun, maxLength: perRun, size: 'max' })
  const property = fc.asyncProperty(sequence, async (steps) => {
    runs++
    const run = startRun({ send: wire.send, tokens, credentials }, `${seed}-${runs}`)
    for (const step of steps) {
      const { request, reply, wrong } = await run(step)
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      expect(wrong, JSON.stringify({ request, reply }, null, 2)).toEqual([])
    }
  })
  await fc.assert(property, {
    seed,
    numRuns: Math.ceil(requests / perRun),
    ...(path === undefined ? {} : { path }),
  })
  wire.close()
  // The test would be useless if all requests were rejected.
  const accepted = (statuses.get(200) ?? 0) + (statuses.get(204) ?? 0)
  expect(accepted).toBeGreaterThan(requests / 5)
  for (const status of path === undefined ? [200, 204, 400, 401, 403, 404, 405, 409, 415] : [])
    expect(statuses.get(status), `responses with status ${status}`).toBeGreaterThan(0)
  expect(service.errors()).not.toMatch(/request failed|"level":50/)
})
