// The page at /docs in Chromium, used right after starting the service.
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { dataDirectory, demoClients, serve } from '../process/support/caller.ts'
import { signingKeyPem } from '../support/keys.ts'
import { type RunningService, startService } from '../support/service.ts'
import { signToken } from '../support/tokens.ts'
import {
  authorize,
  closeAuthorized,
  desk,
  execute,
  openDocs,
  operation,
  phone,
  tryOut,
} from './support/page.ts'

/** Starts the service like `npm start`. `hash`: what the printed link to the page has behind its path. */
async function start(settings: Record<string, string> = {}) {
  const folder = await dataDirectory()
  const { baseUrl, output } = await serve({ DATA_DIR: folder, ...settings })
  const [, hash = ''] = /^Documentation: .*\/docs(#\S+)$/m.exec(output) ?? []
  return { baseUrl, hash, ...(await demoClients(folder)) }
}

/** for tests that store nothing */
let shared: RunningService
beforeAll(async () => {
  shared = await startService({ JWT_PRIVATE_KEY: signingKeyPem }, '--ephemeral')
  return async () => {
    await shared.stop()
  }
})

const exampleId = '0199a6c4-7f1e-7c2a-9d53-2f6f1b0c8e11'

const interactions = ['createInteraction', 'getInteraction', 'updateInteraction', 'listInteractions'] as const
const others = ['getKeys', 'getServerMetadata', 'getLiveness', 'getReadiness'] as const

test.each([
  ['agent', 'desk', desk, [...interactions, ...others]],
  ['service', 'phone', phone, interactions],
] as const)(
  'every example works unchanged for the %s client, at the size of a %s',
  async (role, screenName, screen, operationIds) => {
    const { baseUrl, [role]: client } = await start()
    const { page, screenshot } = await openDocs(baseUrl, screen)
    expect(await page.title()).toBe('Interaction API')
    // the page neither overflows its width nor is scaled down
    expect(await page.evaluate('[innerWidth, document.documentElement.scrollWidth <= innerWidth]')).toEqual([
      screen.viewport.width,
      true,
    ])
    await screenshot(`${screenName}-overview`, page.locator('body'))
    await closeAuthorized(await authorize(page, client))

    const token = operation(page, 'createToken')
    await tryOut(token)
    await token.locator('[data-property-name="client_id"] input[type="text"]').fill(client.clientId)
    await token.locator('[data-property-name="client_secret"] input[type="text"]').fill(client.clientSecret)
    expect(await execute(token)).toMatchObject({
      status: '200',
      body: expect.stringContaining('access_token'),
    })

    const expected = {
      createInteraction: ['200', exampleId],
      getInteraction: ['200', '"version": 0'],
      updateInteraction: ['204', ''],
      listInteractions: ['200', '"version": 1'],
      getKeys: ['200', '"keys"'],
      getServerMetadata: ['200', baseUrl],
      getLiveness: ['200', 'live'],
      getReadiness: ['200', 'ready'],
    } as const
    for (const operationId of operationIds) {
      const [status, text] = expected[operationId]
      const block = operation(page, operationId)
      await tryOut(block)
      const { body, ...shown } = await execute(block)
      expect([operationId, shown.status]).toEqual([operationId, status])
      expect(body).toContain(text)
      await screenshot(`${screenName}-${operationId}`, block)
    }
    for (const operationId of ['createInteraction', 'updateInteraction'])
      expect(await execute(operation(page, operationId))).toMatchObject({
        status: '409',
        body: expect.stringContaining('"conflict"'),
      })
  },
)

test('with the printed link the examples work as they are, and the secret leaves neither the tab nor the address', async () => {
  const { baseUrl, hash, agent } = await start()
  const { page, screenshot } = await openDocs(baseUrl, desk, hash)
  expect(page.url()).not.toContain(agent.clientSecret)
  const sent: string[] = []
  page.on('request', (request) => sent.push(`${request.url()} ${JSON.stringify(request.headers())}`))
  // remembered when the page is loaded again
  await page.reload()

  const form = page.locator('.auth-container', { hasText: 'OAuth2ClientCredentials' })
  await page.locator('.auth-wrapper > .authorize').click()
  await screenshot('prefilled')
  await form.locator('button.authorize').click()
  await closeAuthorized(form)
  const expected = [
    ['createToken', '200'],
    ['createInteraction', '200'],
    ['listInteractions', '200'],
  ] as const
  for (const [operationId, status] of expected) {
    const block = operation(page, operationId)
    await tryOut(block)
    expect([operationId, (await execute(block)).status]).toEqual([operationId, status])
  }
  expect(sent.length).toBeGreaterThan(5)
  expect(sent.filter((request) => request.includes(agent.clientSecret))).toEqual([])
})

test('without the link, the page knows no client', async () => {
  for (const hash of ['', '#client=demo-agent', '#client=a:b<i>']) {
    const { page } = await openDocs(shared.baseUrl, desk, hash)
    await page.locator('.auth-wrapper > .authorize').click()
    const form = page.locator('.auth-container', { hasText: 'OAuth2ClientCredentials' })
    expect(await form.locator('#client_id_clientCredentials').inputValue()).toBe('')
    expect(await form.locator('#client_secret_clientCredentials').inputValue()).toBe('')
  }
})

test('the page leads to the guides', async () => {
  const { page, screenshot } = await openDocs(shared.baseUrl)
  await screenshot('guides', page.locator('.information-container'))
  for (const [name, heading] of [
    ['Integration guide', '# Integration guide'],
    ['Operations guide', '# Operations guide'],
    ['Commands', '# Commands'],
  ] as const) {
    const link = await page.getByRole('link', { name, exact: true }).getAttribute('href')
    const response = await fetch(new URL(link ?? '', page.url()))
    expect([response.status, response.headers.get('content-type')]).toEqual([
      200,
      'text/plain; charset=utf-8',
    ])
    expect(await response.text()).toMatch(new RegExp(`^${heading}\n`))
  }
})

test('the operations are in the order in which a reader tries them', async () => {
  const { page } = await openDocs(shared.baseUrl)
  const ids = await page.locator('.opblock').evaluateAll((all) => all.map(({ id }) => id.split('-').at(-1)))
  expect(ids).toEqual([
    'createToken',
    'getKeys',
    'getServerMetadata',
    'createInteraction',
    'getInteraction',
    'updateInteraction',
    'listInteractions',
    'getLiveness',
    'getReadiness',
  ])
})

test('the dialog reports a wrong secret, and then accepts the right one', async () => {
  const [, clientId = '', clientSecret = ''] = /^Demo AGENT: +(\S+) (\S+)$/m.exec(shared.output) ?? []
  const agent = { clientId, clientSecret }
  const { page, screenshot } = await openDocs(shared.baseUrl)
  const form = await authorize(page, { ...agent, clientSecret: 'wrong' })
  await form.getByText('Bad client credentials').waitFor()
  await screenshot('wrong-secret')
  await closeAuthorized(await authorize(page, agent))
})

test('the page shows that a token has expired', async () => {
  const { page, screenshot } = await openDocs(shared.baseUrl)
  await page.locator('.auth-wrapper > .authorize').click()
  const form = page.locator('.auth-container', { hasText: 'BearerToken' })
  const expired = signToken({ sub: 'agent-7', organization: 'acme', authorities: ['AGENT'], exp: 1 })
  await form.locator('#auth-bearer-value').fill(expired)
  await form.locator('button.authorize').click()
  await closeAuthorized(form)
  const block = operation(page, 'getInteraction')
  await tryOut(block)
  const { status, body } = await execute(block)
  expect([status, body]).toEqual(['401', expect.stringMatching(/"invalid_token".*expired/s)])
  await screenshot('expired-token', block)
})

test('a link to an operation opens it, also in dark mode', async () => {
  const link = '#/Interaction/updateInteraction'
  const { page, screenshot } = await openDocs(shared.baseUrl, { ...desk, colorScheme: 'dark' }, link)
  const block = operation(page, 'updateInteraction')
  await block.getByText('Version conflict: the interaction has been updated since.').first().waitFor()
  expect(await page.locator('.opblock.is-open').count()).toBe(1)
  expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(28, 32, 34)')
  await screenshot('dark-link')
  await page.emulateMedia({ colorScheme: 'light' })
  await expect.poll(() => page.evaluate('document.documentElement.className')).toBe('')
})

test('the page works behind a proxy with a path prefix, given in PUBLIC_URL', async () => {
  let servicePort = 0
  const proxy = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming
    if (!url.startsWith('/contact/')) return void outgoing.writeHead(502).end()
    const target = { port: servicePort, path: url.slice('/contact'.length), method, headers }
    const forwarded = request(target, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void proxy.close())
  await once(proxy, 'listening')
  const address = proxy.address()
  const publicUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/contact`
  const { baseUrl, agent } = await start({ PUBLIC_URL: publicUrl })
  servicePort = Number(new URL(baseUrl).port)

  const { page } = await openDocs(publicUrl)
  await closeAuthorized(await authorize(page, agent))
  const block = operation(page, 'createInteraction')
  await tryOut(block)
  expect(await execute(block)).toMatchObject({ status: '200', body: expect.stringContaining(exampleId) })
})
