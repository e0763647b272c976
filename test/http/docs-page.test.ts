// The page at /docs: its files, its policy and its version of the document.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'

const service = await startTestApp()

const pages = ['/docs', '/docs/']

/** Returns the paths of the files that the page refers to. */
async function filesOf(page: string): Promise<string[]> {
  const { body } = await service.inject({ url: page })
  return [...body.matchAll(/ (?:src|href)="([^"]+)"/g)].map(([, file = '']) => {
    expect(file).toMatch(/^\.\/[^:]+$/)
    return new URL(file, `http://x${page}`).pathname
  })
}

const read = async (from: TestApp, url: string) => (await from.inject({ url })).json()

test.each(pages)('%s is an HTML page, and all its files exist', async (url) => {
  const reply = await service.inject({ url })
  expect(reply.statusCode).toBe(200)
  expect(reply.headers['content-type']).toMatch(/^text\/html/)
  expect(reply.body).toContain('<title>Interaction API</title>')
  expect(reply.body).toContain('<meta name="viewport" content="width=device-width')
  const files = await filesOf(url)
  expect(files.length).toBeGreaterThan(5)
  for (const file of files)
    expect([file, (await service.inject({ url: file })).statusCode]).toEqual([file, 200])
})

test('the page runs only scripts of its own files, and its policy allows no others', async () => {
  for (const url of [...pages, '/docs/static/swagger-initializer.js']) {
    const reply = await service.inject({ url })
    expect(reply.statusCode).toBe(200)
    const policy = String(reply.headers['content-security-policy'])
    const directives = new Map(
      policy
        .split(/;\s*/)
        .map((one): [string, string] => [one.split(' ', 1)[0] ?? '', one.replace(/^\S+ /, '')]),
    )
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
    expect(directives.get('default-src')).toBe("'none'")
    expect(directives.get('script-src')).toBe("'self'")
    expect(directives.get('frame-ancestors')).toBe("'none'")
    if (String(reply.headers['content-type']).startsWith('text/html')) {
      expect(reply.body).not.toMatch(/<script(?![^>]* src="[./])|<style|\son\w+=|\sstyle=|javascript:/i)
      expect(reply.body.match(/<script/g)).toHaveLength(4)
    }
  }
})

test('the page fills in examples of required parameters only', async () => {
  const document = await read(service, '/docs/json')
  const parameters: { name: string; description: string; example?: string; required: boolean }[] =
    document.paths['/rtc-api/interactions'].get.parameters
  expect(parameters.filter(({ example }) => example !== undefined).map(({ name }) => name)).toEqual([
    'start',
    'end',
  ])
  expect(parameters.find(({ name }) => name === 'customerId')?.description).toMatch(
    / For example `c-1042`\.$/,
  )
  expect(document.info.description).toContain('Press **Authorize**')
})

test.each(['integrators', 'operators', 'commands'])('the guide %s is served as text', async (name) => {
  const url = `/docs/guides/${name}.md`
  const document = await read(service, '/docs/json')
  expect(document.info.description).toContain(`](${url})`)
  const reply = await service.inject({ url })
  expect([reply.statusCode, reply.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8'])
  expect(reply.body).toBe(readFileSync(`docs/${name}.md`, 'utf8'))
})

test.each(['README', 'maintainers', '..%2f..%2fpackage', '%2e%2e/operators'])(
  'the file %s is no guide',
  async (name) => {
    expect((await service.inject({ url: `/docs/guides/${name}.md` })).statusCode).toBe(404)
  },
)

describe('the document follows the settings:', () => {
  test('the path of PUBLIC_URL precedes the paths of calls and tokens', async () => {
    const proxied = await startTestApp({ PUBLIC_URL: 'https://api.example/contact/' })
    expect((await read(proxied, '/docs/json')).info.description).toContain(
      '](/contact/docs/guides/operators.md)',
    )
    for (const url of ['/openapi.json', '/docs/json']) {
      const { servers, components } = await read(proxied, url)
      expect(servers).toMatchObject([{ url: '/contact' }])
      expect(components.securitySchemes.OAuth2ClientCredentials.flows.clientCredentials.tokenUrl).toBe(
        '/contact/security/oauth/token',
      )
    }
  })

  test('without a token endpoint, a bearer token is the only security scheme', async () => {
    const { paths, components, tags, info } = await read(
      await startTestApp({ TOKEN_ENDPOINT: 'false' }),
      '/docs/json',
    )
    expect(Object.keys(components.securitySchemes)).toEqual(['BearerToken'])
    expect(paths['/rtc-api/interactions'].get.security).toEqual([{ BearerToken: [] }])
    expect(tags.map(({ name }: { name: string }) => name)).not.toContain('Authorization')
    expect(info.description).not.toMatch(/oauth|client/)
  })
})
