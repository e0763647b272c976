// The audit log of a server and of commands: a file that is rotated, a full disk, and standard error.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { finishCommand } from '../support/service.ts'
import {
  askForToken,
  createInteraction,
  dataDirectory,
  demoClients,
  readStatus,
  serve,
} from './support/caller.ts'

async function linesOf(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

test('after SIGHUP the server goes on in a new file, which commands write to as well', async () => {
  const folder = await dataDirectory()
  const file = path.join(folder, 'audit.log')
  const environment = { DATA_DIR: folder, AUDIT_LOG: 'writes', AUDIT_LOG_FILE: file }
  const service = await serve(environment)
  const { agent } = await demoClients(folder)
  const { token } = await askForToken(service, agent)
  await expect.poll(() => linesOf(file)).toHaveLength(1)
  await rename(file, `${file}.1`)
  service.process.kill('SIGHUP')
  await expect.poll(() => readFile(file, 'utf8').catch(() => undefined)).toBe('')
  const id = await createInteraction(service, token)

  const run = (...parameters: string[]) => finishCommand(parameters, environment)
  const created = await run('clients', 'create', 'crm', '--role', 'AGENT', '--organization', 'acme')
  const rotated = await run('clients', 'rotate', 'crm', '--keep-old-for', '1h')
  for (const command of ['drop-old-secret', 'revoke', 'delete']) await run('clients', command, 'crm')
  await run('clients', 'delete', 'crm')
  await run('purge', '--before', '2020-01-01', '--organization', 'acme')
  const empty = path.join(folder, 'empty.ndjson')
  await writeFile(empty, '')
  await run('import', empty)
  expect(await service.stop()).toBe(0)

  expect((await linesOf(`${file}.1`)).map(({ event }) => event)).toEqual(['token.granted'])
  const time = expect.any(String)
  const command = { time, operator: userInfo().username, client: 'crm' }
  expect(await linesOf(file)).toEqual([
    {
      time,
      event: 'interaction.created',
      caller: 'demo-agent',
      organization: 'demo-organization',
      interaction: id,
      requestId: expect.any(String),
      address: '127.0.0.1',
    },
    {
      ...command,
      event: 'client.created',
      role: 'AGENT',
      organization: 'acme',
      scopes: ['interactions'],
    },
    {
      ...command,
      event: 'client.rotated',
      oldSecretExpiresAt: JSON.parse(rotated.output).oldSecretExpiresAt,
    },
    { ...command, event: 'client.old_secret_dropped' },
    { ...command, event: 'client.revoked' },
    { ...command, event: 'client.deleted' },
    {
      time,
      operator: userInfo().username,
      event: 'interaction.removed',
      command: 'purge',
      organization: 'acme',
      createdBefore: expect.stringContaining('2020-01-01'),
      count: 0,
    },
    { time, operator: userInfo().username, event: 'interaction.imported', count: 0 },
  ])
  const text = await readFile(file, 'utf8')
  for (const { output } of [created, rotated]) expect(text).not.toContain(JSON.parse(output).clientSecret)
})

test.each([
  ['a full disk', '/dev/full', 'ENOSPC'],
  ['a folder in place of the file', undefined, 'EISDIR'],
])('%s stops neither the requests nor the service, and is logged', async (_, given, reason) => {
  const folder = await dataDirectory()
  const file = given ?? path.join(folder, 'audit.log')
  if (given === undefined) await mkdir(file)
  const service = await serve({ DATA_DIR: folder, AUDIT_LOG: 'all', AUDIT_LOG_FILE: file })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  for (let n = 0; n < 200; n++) {
    const id = await createInteraction(service, token)
    expect(await readStatus(service, token, id)).toBe(200)
  }
  await expect.poll(() => service.errors()).toMatch(`"reason":"${reason}"`)
  service.process.kill('SIGHUP')
  expect(await readStatus(service, token, 'none')).toBe(404)
  expect(await service.stop()).toBe(0)
})

test('by default security events go to standard error, and SIGHUP stops the server', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  const service = await serve({
    ...environment,
    BOOTSTRAP_CLIENTS: JSON.stringify([
      { clientId: 'crm', clientSecret: 's3cret', role: 'AGENT', organizationId: 'acme' },
    ]),
  })
  const { token } = await askForToken(service, { clientId: 'crm', clientSecret: 's3cret' })
  await askForToken(service, { clientId: 'crm', clientSecret: 'wrong' })
  await createInteraction(service, token)
  const recorded = () =>
    service
      .errors()
      .split('\n')
      .filter((line) => line.includes('"event"'))
      .map((line) => JSON.parse(line).event)
  await expect.poll(recorded).toEqual(['client.bootstrapped', 'token.granted', 'token.refused'])
  const deleted = await finishCommand(['clients', 'delete', 'crm'], environment)
  expect(JSON.parse(deleted.errors)).toMatchObject({ event: 'client.deleted', client: 'crm' })
  expect(deleted.output).toBe('Deleted crm.\n')
  expect(await service.stop('SIGHUP')).toBe(0)
})
