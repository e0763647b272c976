// The commands `clients` and `migrate`, and wrong usage.
import { expect, test } from 'vitest'
import { finishCommand } from '../support/service.ts'
import {
  askForToken,
  createInteraction,
  dataDirectory,
  readStatus,
  serve,
  temporaryFolder,
} from './support/caller.ts'

test('a created client gets tokens and is listed without its secret; a revoked client gets no tokens', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  const service = await serve(environment)
  const parameters = ['clients', 'create', 'crm', '--role', 'AGENT', '--organization', 'acme']
  const created = await finishCommand(parameters, environment)
  const client = JSON.parse(created.output)
  expect(client).toMatchObject({ clientId: 'crm', role: 'AGENT', organizationId: 'acme' })
  // 256 bits in base64url
  expect(client.clientSecret).toMatch(/^[\w-]{43}$/)
  const { status, token } = await askForToken(service, client)
  expect(status).toBe(200)
  const id = await createInteraction(service, token)

  const listed = await finishCommand(['clients', 'list'], environment)
  expect(listed.output).toContain('"clientId":"crm"')
  expect(listed.output).not.toContain(client.clientSecret)

  expect(await finishCommand(['clients', 'revoke', 'crm'], environment)).toMatchObject({ code: 0 })
  expect((await askForToken(service, client)).status).toBe(401)
  // the tokens of a revoked client stay valid until they expire
  expect(await readStatus(service, token, id)).toBe(200)
})

test('clients create rejects an existing id, a missing or forbidden organization, and an unknown role', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  const create = (...parameters: string[]) => finishCommand(['clients', 'create', ...parameters], environment)
  expect(await create('one', '--role', 'SERVICE')).toMatchObject({ code: 0 })
  expect(await create('one', '--role', 'SERVICE')).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/already/),
  })
  expect(await create('two', '--role', 'AGENT')).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/--organization/),
  })
  expect(await create('two', '--role', 'SERVICE', '--organization', 'acme')).toMatchObject({ code: 1 })
  expect(await create('two', '--role', 'KING')).toMatchObject({
    code: 1,
    errors: expect.stringMatching(/AGENT, SUPERVISOR, SERVICE/),
  })
  expect(await finishCommand(['clients', 'revoke', 'two'], environment)).toMatchObject({ code: 1 })
})

test('migrate creates the schema in an empty database, and does nothing the second time', async () => {
  const environment = { DATA_DIR: await temporaryFolder() }
  expect(await finishCommand(['migrate'], environment)).toMatchObject({
    code: 0,
    errors: expect.stringMatching(/0002_interactions/),
  })
  expect(await finishCommand(['migrate'], environment)).toMatchObject({ code: 0, errors: '' })
})

test('an unknown command prints the usage, and a wrong option is named, on standard error only', async () => {
  expect(await finishCommand(['bogus'], {})).toMatchObject({
    code: 1,
    output: '',
    errors: expect.stringMatching(/Usage: interaction-api/),
  })
  expect(await finishCommand(['serve', '--bogus'], {})).toMatchObject({
    code: 1,
    output: '',
    errors: expect.stringMatching(/--bogus/),
  })
  expect(await finishCommand(['purge', '--before', '2024-02-30'], {})).toMatchObject({
    code: 1,
    output: '',
    errors: expect.stringMatching(/--before.*must be a date/),
  })
})
