// `clients`: the clients that can get tokens, their scopes and their secrets, beside a running service.
import { expect, test } from 'vitest'
import { finishCommand } from '../support/service.ts'
import { askForToken, createInteraction, dataDirectory, readStatus, serve } from './support/caller.ts'

const crm = ['crm', '--role', 'AGENT', '--organization', 'acme']

/** Runs `clients` with these parameters. `client`: what it prints of the client crm. */
async function run(environment: Record<string, string>, ...parameters: string[]) {
  const { code, output, errors } = await finishCommand(['clients', ...parameters], environment)
  const line = output.split('\n').find((text) => text.startsWith('{"clientId":"crm"'))
  const client = line === undefined ? undefined : JSON.parse(line)
  // standard error has the audit log
  if (client?.clientSecret !== undefined) expect(errors).not.toContain(client.clientSecret)
  return { code, output, errors, client }
}

test('a client that is created with a scope may do no more', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  const service = await serve(environment)
  const { client } = await run(environment, 'create', ...crm, '--scope', 'interactions:read', '--scope', 'x')
  expect(client.scopes).toEqual(['interactions:read', 'x'])
  const { token } = await askForToken(service, client)
  expect(await readStatus(service, token, 'none')).toBe(404)
  await expect(createInteraction(service, token)).rejects.toThrow('status 403')
})

test('a rotated client has a new secret, and keeps the old one only as long as it is told', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  const service = await serve(environment)
  const status = async (client: { clientId: string; clientSecret: string }) =>
    (await askForToken(service, client)).status
  const first = (await run(environment, 'create', ...crm)).client
  const { token } = await askForToken(service, first)

  const second = (await run(environment, 'rotate', 'crm', '--keep-old-for')).client
  expect(Object.keys(second)).toEqual(['clientId', 'clientSecret', 'oldSecretExpiresAt'])
  // 256 bits in base64url
  expect(second.clientSecret).toMatch(/^[\w-]{43}$/)
  expect(Date.parse(second.oldSecretExpiresAt) - Date.now()).toBeGreaterThan(23 * 3_600_000)
  expect(Date.parse(second.oldSecretExpiresAt) - Date.now()).toBeLessThan(25 * 3_600_000)
  expect([await status(first), await status(second)]).toEqual([200, 200])
  const listed = await run(environment, 'list')
  expect(listed.client).toMatchObject({ clientId: 'crm', oldSecretExpiresAt: second.oldSecretExpiresAt })
  expect(listed.output).not.toContain(second.clientSecret)

  expect((await run(environment, 'drop-old-secret', 'crm')).output).toBe('Dropped the old secret of crm.\n')
  expect([await status(first), await status(second)]).toEqual([401, 200])
  expect(await run(environment, 'drop-old-secret', 'crm')).toMatchObject({ code: 1, output: '' })

  const third = (await run(environment, 'rotate', 'crm')).client
  expect(third.oldSecretExpiresAt).toBe(null)
  expect([await status(second), await status(third)]).toEqual([401, 200])
  // tokens of an old secret stay valid until they expire
  expect(await readStatus(service, token, 'none')).toBe(404)
})

test('a deleted client gets no tokens, and its id can be used again; a revoked one is not rotated', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  const service = await serve(environment)
  const { client } = await run(environment, 'create', ...crm)
  await run(environment, 'revoke', 'crm')
  expect(await run(environment, 'rotate', 'crm')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('revoked'),
  })
  expect((await run(environment, 'delete', 'crm')).output).toBe('Deleted crm.\n')
  for (const command of ['delete', 'rotate', 'revoke'])
    expect(await run(environment, command, 'crm')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('does not exist'),
    })
  const again = await run(environment, 'create', ...crm)
  expect((await askForToken(service, client)).status).toBe(401)
  expect((await askForToken(service, again.client)).status).toBe(200)
})
