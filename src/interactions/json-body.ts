// The bodies of requests, as the text that they are.
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { InvalidRequest, Problem } from '../http/problem.ts'

/** In a scope: what reads bodies must see each number's digits; invalid UTF-8 would be stored as something else. */
export function acceptJsonAsText(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const json = /^application\/(?:[\w!#$&^.+-]+\+)?json\s*(?:;|$)/i
  app.addContentTypeParser(json, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    const coding = request.headers['content-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'identity')
      throw new Problem('unsupported_media_type', 'The body must not be compressed.', {
        'accept-encoding': 'identity',
      })
    if (!isUtf8(body)) throw new InvalidRequest({ body: 'must be UTF-8' })
    return body.toString().replace(/^\uFEFF/, '')
  })
}

/** @returns undefined when there is none */
export function bodyText({ body }: FastifyRequest): string | undefined {
  return typeof body === 'string' ? body : undefined
}
