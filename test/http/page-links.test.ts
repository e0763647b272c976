// Links between pages (RFC 8288).
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { always, query } from '../support/make.ts'
import { agentToken, bearer, serviceToken } from '../support/tokens.ts'

const service = await startTestApp()
const agent = agentToken()
const path = '/rtc-api/interactions'
for (let n = 0; n < 5; n++)
  await service.call(agent, 'POST', '', { interactionId: `id-${n}`, data: { customerId: 'a&b=c d>"é' } })

const get = (url: string, headers: Record<string, string> = {}) =>
  service.inject({ url, headers: { ...bearer(agent), ...headers } })

/** The targets by their relations, as a client reads them. */
function linksOf(header: unknown): Record<string, string> {
  const links = [...String(header).matchAll(/<([^>]*)>; rel="([a-z]+)"(?:, |$)/g)]
  expect(links.map(([text]) => text).join('')).toBe(header)
  return Object.fromEntries(links.map(([, target = '', relation = '']) => [relation, target]))
}

const pageOf = (target: string | undefined) => new URLSearchParams(target?.split('?')[1]).get('page')

describe('a list', () => {
  test.each([
    ['the first page', { size: '2' }, { first: '0', next: '1', last: '2' }],
    ['a page between', { size: '2', page: '1' }, { first: '0', prev: '0', next: '2', last: '2' }],
    ['the last page', { size: '2', page: '2' }, { first: '0', prev: '1', last: '2' }],
    ['the only page', {}, { first: '0', last: '0' }],
    ['a page beyond the end', { size: '2', page: '9' }, { first: '0', prev: '2', last: '2' }],
    ['an empty page', { userId: 'nobody' }, { first: '0', last: '0' }],
    ['a page beyond an empty one', { userId: 'nobody', page: '3' }, { first: '0', prev: '0', last: '0' }],
    ['a page that is none', { size: '2', page: 'x' }, { first: '0', next: '1', last: '2' }],
  ])('links from %s', async (_, parameters, pages) => {
    const { headers } = await get(path + query({ ...always, ...parameters }))
    const links = Object.entries(linksOf(headers.link)).map(([relation, target]) => [
      relation,
      pageOf(target),
    ])
    expect(Object.fromEntries(links)).toEqual(pages)
  })

  test('can be read completely by its links, which keep all parameters', async () => {
    const asked = query({ ...always, size: '2', sort: ['type', 'id,desc'], customerId: 'a&b=c d>"é' })
    const ids: string[] = []
    for (let url: string | undefined = path + asked; url !== undefined; ) {
      const reply = await get(url)
      ids.push(...reply.json().content.map(({ id }: { id: string }) => id))
      url = linksOf(reply.headers.link).next
    }
    expect(ids).toEqual(['id-4', 'id-3', 'id-2', 'id-1', 'id-0'])
  })

  test('links keep the meaning of any query', async () => {
    const piece = fc.oneof(
      fc.string({ maxLength: 10, unit: 'binary' }),
      fc.constantFrom('page', 'p%61ge', '%', '+', '&&', '=', '>', '"'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(piece, piece), { maxLength: 5 }), async (others) => {
        const more = others.map(
          ([name, value]) => `&x${encodeURI(name.toWellFormed())}=${encodeURI(value.toWellFormed())}`,
        )
        const asked = `${query({ ...always, size: '2', page: '1' })}${more.join('').replaceAll('#', '%23')}`
        fc.pre(encodeURI(asked).length < 600)
        const { headers } = await get(path + asked)
        const { next = '' } = linksOf(headers.link)
        expect(next).toMatch(/^\/rtc-api\/interactions\?page=2[\x21\x23-\x3b\x3d\x3f-\x7e]*$/)
        const withoutPage = (text: string) =>
          [...new URLSearchParams(text)].filter(([name]) => name !== 'page')
        expect(withoutPage(next.split('?')[1] ?? '')).toEqual(withoutPage(asked))
      }),
    )
  })

  test('each link has one page parameter, even if the request has several', async () => {
    const { headers } = await get(`${path}?page=0&${query({ ...always, size: '2' }).slice(1)}&page=1&page`)
    for (const target of Object.values(linksOf(headers.link)))
      expect(target.match(/\bpage\b/g)).toHaveLength(1)
  })

  test('a URL cannot inject links', async () => {
    const { port } = new URL(await service.app.listen({ host: '127.0.0.1', port: 0 }))
    const socket = connect(Number(port), '127.0.0.1')
    const asked = `${path}${query(always)}&x=>;rel="next",<http://evil.example>`
    const head = [`GET ${asked} HTTP/1.1`, 'host: x', 'connection: close', `authorization: Bearer ${agent}`]
    socket.write(Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'))
    const reply = await text(socket)
    expect(reply).toMatch(/^HTTP\/1\.1 200 /)
    const links = linksOf(/^link: (.*)\r$/m.exec(reply)?.[1])
    expect(Object.keys(links)).toEqual(['first', 'last'])
    expect(links.last).toContain('&x=%3E;rel=%22next%22,%3Chttp://evil.example%3E')
  })

  test('with a percent-encoded page parameter has links', async () => {
    const { headers } = await get(`${path}${query({ ...always, size: '2' })}&p%61ge=1`)
    expect((await get(linksOf(headers.link).next ?? '')).json().number).toBe(2)
  })

  test('links contain the path only, whatever the Host header says', async () => {
    const hostile = {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      forwarded: 'host=evil.example',
    }
    const { headers } = await get(path + query(always), hostile)
    expect(headers.link).toMatch(/^<\/rtc-api\/interactions\?/)
    expect(headers.link).not.toContain('evil')
  })

  test('has links on all pages or on none, depending on the length of the query', async () => {
    for (const [length, has] of [
      [600, true],
      [700, false],
      [12_000, false],
    ] as const)
      for (const page of ['0', '1', '2']) {
        const { statusCode, headers } = await get(
          path + query({ ...always, size: '2', page, type: ',', unknown: 'x'.repeat(length) }),
        )
        expect(statusCode).toBe(200)
        expect('link' in headers).toBe(has)
        expect(String(headers.link ?? '').length).toBeLessThan(3200)
      }
  })

  test('as lines has no links', async () => {
    const reply = await get(path + query(always), { accept: 'application/x-ndjson' })
    expect(reply.headers).not.toHaveProperty('link')
  })
})

test('with PUBLIC_URL the links are absolute', async () => {
  const behind = await startTestApp({
    PUBLIC_URL: 'https://api.example/calls/',
    JWT_ISSUER: 'http://localhost:8080',
  })
  const url = path + query(always)
  const { headers } = await behind.inject({ url, headers: bearer(serviceToken()) })
  expect(linksOf(headers.link).last).toMatch(
    /^https:\/\/api\.example\/calls\/rtc-api\/interactions\?page=0&start=/,
  )
})
