// Opens the page at /docs in Chromium and uses it like a reader.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { afterAll, expect, onTestFinished } from 'vitest'
import type { Credentials } from '../../support/ask-for-token.ts'

const { CHROMIUM = '/usr/bin/chromium', SCREENSHOTS } = process.env

export const desk = { viewport: { width: 1280, height: 900 } }
export const phone = {
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
}

export interface DocsPage {
  readonly page: Page
  /** policy violations, missing files, requests to other hosts and script errors: must stay empty */
  readonly problems: readonly string[]
  /** Takes a picture if SCREENSHOTS names a folder for them. */
  screenshot(name: string, whole?: Locator): Promise<void>
}

let launched: Promise<Browser> | undefined
afterAll(async () => (await launched)?.close())

/**
 * Launches the browser that the tests share.
 * @throws Error that names the package to install when there is no browser
 */
async function launch(): Promise<Browser> {
  if (!existsSync(CHROMIUM))
    throw new Error(`no browser at ${CHROMIUM}: apt-get install chromium, or set CHROMIUM to where one is`)
  // Chromium's sandbox does not work as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return chromium.launch({ executablePath: CHROMIUM, args: sandbox })
}

/** Opens the page as a new visitor. After the test, closes it and expects no problems. */
export async function openDocs(
  baseUrl: string,
  screen: BrowserContextOptions = desk,
  hash = '',
): Promise<DocsPage> {
  launched ??= launch()
  const context = await (await launched).newContext(screen)
  const problems: string[] = []
  onTestFinished(async () => {
    await context.close()
    expect(problems).toEqual([])
  })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => {
    // Chromium logs each error response. The page shows them, so they are no problem.
    const isErrorResponse = message.text().startsWith('Failed to load resource')
    if (['error', 'warning'].includes(message.type()) && !isErrorResponse) problems.push(message.text())
  })
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url())
    if (protocol !== 'data:' && origin !== new URL(baseUrl).origin) problems.push(`calls ${request.url()}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400 && response.url().includes('/docs'))
      problems.push(`${response.status()} ${response.url()}`)
  })
  const response = await page.goto(`${baseUrl}/docs${hash}`)
  expect(response?.headers()['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/)
  await page.locator('.opblock').first().waitFor()
  return {
    page,
    problems,
    async screenshot(name, whole) {
      if (SCREENSHOTS === undefined) return
      await mkdir(SCREENSHOTS, { recursive: true })
      const file = { path: path.join(SCREENSHOTS, `${name}.png`) }
      await (whole === undefined ? page.screenshot(file) : whole.screenshot(file))
    },
  }
}

/** Enters the credentials of a client and clicks the button that requests a token. Returns the form. */
export async function authorize(page: Page, { clientId, clientSecret }: Credentials): Promise<Locator> {
  const form = page.locator('.auth-container', { hasText: 'OAuth2ClientCredentials' })
  if (!(await form.isVisible())) await page.locator('.auth-wrapper > .authorize').click()
  await form.locator('#client_id_clientCredentials').fill(clientId)
  await form.locator('#client_secret_clientCredentials').fill(clientSecret)
  await form.locator('button.authorize').click()
  return form
}

/** Waits until the page has a token, then closes the dialog. */
export async function closeAuthorized(form: Locator): Promise<void> {
  await form.getByText('Authorized', { exact: true }).waitFor()
  await form.locator('.btn-done').click()
}

export const operation = (page: Page, operationId: string) => page.locator(`.opblock[id$="-${operationId}"]`)

/** Opens an operation and makes its fields editable. */
export async function tryOut(block: Locator): Promise<void> {
  await block.locator('.opblock-summary-control').click()
  await block.locator('.try-out__btn').click()
}

/** Clicks Execute. Returns the status and the body that the page shows. */
export async function execute(block: Locator): Promise<{ status: string; body: string }> {
  const [response] = await Promise.all([
    block.page().waitForResponse((one) => !one.url().includes('/docs')),
    block.locator('.execute').click(),
  ])
  const shown = block.locator('.live-responses-table .response')
  await shown.getByText(String(response.status()), { exact: false }).first().waitFor()
  const body = shown.locator('.highlight-code').first()
  return {
    status: (await shown.locator('.response-col_status').first().innerText()).trim(),
    body: (await body.count()) === 0 ? '' : await body.innerText(),
  }
}
