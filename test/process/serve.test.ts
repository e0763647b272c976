// `interaction-api serve` as an operator starts and stops it.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { findEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { finishCommand } from '../support/service.ts'
import {
  askForToken,
  createInteraction,
  dataDirectory,
  demoClients,
  readStatus,
  serve,
  temporaryFolder,
} from './support/caller.ts'

test('serve prints its URLs, the demo clients, and a curl command that creates an interaction', async () => {
  const folder = await temporaryFolder()
  const service = await serve({ DATA_DIR: folder })
  const line = service.output.split('\n').find((candidate) => candidate.startsWith('curl ')) ?? 'false'
  const { stdout } = await promisify(execFile)('sh', ['-c', line])
  expect(JSON.parse(stdout)).toEqual({ interactionId: expect.stringMatching(/^[0-9a-f-]{36}$/), version: 0 })
  for (const { clientId, clientSecret } of Object.values(await demoClients(folder)))
    expect(service.output).toContain(`${clientId} ${clientSecret}`)
  const { agent } = await demoClients(folder)
  const client = `${agent.clientId}:${agent.clientSecret}`
  expect(service.output).toContain(`Documentation:   ${service.baseUrl}/docs#client=${client}\n`)
  expect((await fetch(`${service.baseUrl}/docs`)).status).toBe(200)
})

test('without a token endpoint, serve prints neither clients nor the curl command', async () => {
  const service = await serve({ DATA_DIR: await dataDirectory(), TOKEN_ENDPOINT: 'false' })
  expect(service.output).toContain('/docs')
  expect(service.output).not.toMatch(/Demo|curl/)
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  'on %s the service finishes the running request and exits with 0',
  async (signal) => {
    const folder = await dataDirectory()
    const service = await serve({ DATA_DIR: folder })
    const { token } = await askForToken(service, (await demoClients(folder)).agent)
    const body = '{"type":"chat"}'
    const socket = connect(Number(new URL(service.baseUrl).port), '127.0.0.1')
    socket.write(
      `POST /rtc-api/interactions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n` +
        'Content-Type: application/json\r\nExpect: 100-continue\r\nConnection: close\r\n' +
        `Content-Length: ${body.length}\r\n\r\n`,
    )
    // the service has received the headers and waits for the body
    const [interim] = await once(socket, 'data')
    expect(String(interim)).toMatch(/^HTTP\/1\.1 100 /)
    const exitCode = service.stop(signal)
    await untilRefused(service.baseUrl)
    socket.write(body)
    const [reply] = await once(socket, 'data')
    expect(String(reply)).toMatch(/^HTTP\/1\.1 200 /)
    expect(await exitCode).toBe(0)
  },
)

/** Waits until the service accepts no new connections. */
async function untilRefused(baseUrl: string): Promise<void> {
  const port = Number(new URL(baseUrl).port)
  for (let refused = false; !refused; ) {
    const socket = connect(port, '127.0.0.1')
    refused = await once(socket, 'connect').then(
      () => false,
      () => true,
    )
    socket.destroy()
  }
}

test('serve listens on --port, writes its address to DATA_DIR, and warns of misspelt settings', async () => {
  const folder = await temporaryFolder()
  const service = await serve(
    { DATA_DIR: folder, PORT: 'overridden', TOKEN_TTL_SECOND: 'hush' },
    '--port',
    '0',
  )
  expect(await readFile(path.join(folder, 'base-url'), 'utf8')).toBe(`${service.baseUrl}\n`)
  await expect
    .poll(() => service.errors())
    .toContain('TOKEN_TTL_SECOND is not a setting: did you mean TOKEN_TTL_SECONDS?')
  expect(service.errors()).not.toContain('hush')
})

test('another port is used when the default port is in use', async () => {
  const other = createServer().listen(8080, '127.0.0.1')
  // an error means that the port is already in use, which is what the test needs
  await new Promise((taken) => other.once('listening', taken).once('error', taken))
  const service = await serve({ DATA_DIR: await dataDirectory(), PORT: '' })
  expect(new URL(service.baseUrl).port).not.toBe('8080')
  // standard error may arrive later than standard output
  await expect.poll(() => service.errors()).toContain('port 8080 is in use')
  expect((await fetch(`${service.baseUrl}/health/ready`)).status).toBe(200)
  other.close()
})

test('an explicit port that is in use is an error that names the setting', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' ? String(address?.port) : ''
  const { code, errors } = await finishCommand(['serve'], { DATA_DIR: await dataDirectory(), PORT: port })
  expect(code).toBe(1)
  expect(errors).toContain(`PORT: 127.0.0.1:${port} is in use`)
  other.close()
})

test('all wrong settings are reported together, without their values', async () => {
  const { code, errors } = await finishCommand(['serve'], {
    PORT: 'eighty',
    DATABASE_URL: 'mysql://secret-host',
    TOKEN_TTL_SECONDS: '-77',
    BOOTSTRAP_CLIENTS: '[{"clientSecret":"hush"}]',
  })
  expect(code).toBe(1)
  for (const name of ['PORT', 'DATABASE_URL', 'TOKEN_TTL_SECONDS', 'BOOTSTRAP_CLIENTS'])
    expect(errors).toContain(name)
  for (const value of ['eighty', 'secret-host', '-77', 'hush']) expect(errors).not.toContain(value)
})

test('an unreadable signing key is an error that names the setting', async () => {
  const { code, errors } = await finishCommand(['serve'], {
    DATA_DIR: await dataDirectory(),
    JWT_PRIVATE_KEY_FILE: '/nonexistent.pem',
  })
  expect(code).toBe(1)
  expect(errors).toContain('JWT_PRIVATE_KEY_FILE')
})

test('a second server on the same data directory names it and exits with 1; the first keeps working', async () => {
  const folder = await dataDirectory()
  const service = await serve({ DATA_DIR: folder })
  const { code, errors } = await finishCommand(['serve'], { DATA_DIR: folder, PORT: '0' })
  expect(code).toBe(1)
  expect(errors).toContain(folder)
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  await createInteraction(service, token)
})

test('two servers with different data directories are independent', async () => {
  const folders = [await dataDirectory(), await dataDirectory()] as const
  const [one, other] = await Promise.all([serve({ DATA_DIR: folders[0] }), serve({ DATA_DIR: folders[1] })])
  const { token } = await askForToken(one, (await demoClients(folders[0])).agent)
  const id = await createInteraction(one, token)
  expect(await readStatus(one, token, id)).toBe(200)
  expect(await readStatus(other, token, id)).toBe(401)
})

test('with DATABASE_URL the service uses that PostgreSQL and starts none', async () => {
  const [owned, folder] = [await dataDirectory(), await temporaryFolder()]
  const owner = await serve({ DATA_DIR: owned })
  const credentials = { clientId: 'given', clientSecret: 'given-secret' }
  const service = await serve({
    DATA_DIR: folder,
    DATABASE_URL: (await findEmbeddedPostgres(owned)) ?? '',
    BOOTSTRAP_CLIENTS: JSON.stringify([{ ...credentials, role: 'AGENT', organizationId: 'acme' }]),
  })
  await expect(access(path.join(folder, 'postgres'))).rejects.toThrow('ENOENT')
  expect(service.output).not.toContain('Demo')
  const id = await createInteraction(service, (await askForToken(service, credentials)).token)
  const { token } = await askForToken(owner, (await demoClients(owned)).service)
  expect(await readStatus(owner, token, id)).toBe(200)
})

test('an idle connection does not prevent the service from stopping', async () => {
  const service = await serve({ DATA_DIR: await dataDirectory() })
  const socket = connect(Number(new URL(service.baseUrl).port), '127.0.0.1')
  await once(socket, 'connect')
  expect(await service.stop()).toBe(0)
})

test('BOOTSTRAP_CLIENTS replaces the demo clients', async () => {
  const credentials = { clientId: 'demo-agent', clientSecret: 'given-secret' }
  const service = await serve({
    DATA_DIR: await dataDirectory(),
    BOOTSTRAP_CLIENTS: JSON.stringify([{ ...credentials, role: 'AGENT', organizationId: 'acme' }]),
  })
  expect(service.output).not.toContain('given-secret')
  expect(service.output).toContain(
    `curl -s -u 'demo-agent' -d grant_type=client_credentials ${service.baseUrl}/security/oauth/token`,
  )
  expect((await askForToken(service, credentials)).status).toBe(200)
})

test('secrets of the example are refused in production, and warned of elsewhere', async () => {
  const settings = {
    DATA_DIR: await temporaryFolder(),
    BOOTSTRAP_CLIENTS: '[{"clientId":"a","clientSecret":"replace-this-secret","role":"SERVICE"}]',
  }
  const { code, errors } = await finishCommand(['serve'], { ...settings, NODE_ENV: 'production' })
  expect(code).toBe(1)
  expect(errors).toContain('BOOTSTRAP_CLIENTS must have secrets of your own')
  const service = await serve(settings)
  await expect.poll(() => service.errors()).toContain('BOOTSTRAP_CLIENTS has secrets of an example')
})

test('a damaged file in the data directory is named, but its content is not printed', async () => {
  const folder = await dataDirectory()
  const key = path.join(folder, 'signing-key.pem')
  await writeFile(key, 'damaged')
  expect(await finishCommand(['serve'], { DATA_DIR: folder })).toMatchObject({
    code: 1,
    errors: expect.stringContaining(key),
  })
  await rm(key)
  await writeFile(path.join(folder, 'demo-clients.json'), '{"agent": S3cret}')
  const service = await serve({ DATA_DIR: folder })
  expect(service.errors()).not.toContain('S3cret')
  expect((await askForToken(service, (await demoClients(folder)).agent)).status).toBe(200)
})
