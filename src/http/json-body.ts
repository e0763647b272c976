// Parses JSON bodies into their members, each as its exact text: `data` must keep every digit.
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type JsonMembers, maximumMembers, parseJsonObject } from '../types/json-text.ts'
import { InvalidRequest, Problem } from './problem.ts'

/**
 * Accepts JSON bodies, and no others, in a scope. The body becomes a JsonMembers, which validation.ts reads; undefined
 * when it is not a JSON object.
 */
export function acceptJsonObjects(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const json = /^application\/(?:[\w!#$&^.+-]+\+)?json\s*(?:;|$)/i
  app.addContentTypeParser(json, { parseAs: 'buffer' }, parseBody)
}

async function parseBody({ headers }: FastifyRequest, body: Buffer): Promise<JsonMembers | undefined> {
  const coding = headers['content-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw new Problem('unsupported_media_type', 'The body must not be compressed.', {
      'accept-encoding': 'identity',
    })
  // invalid UTF-8 would be stored as something else
  if (!isUtf8(body)) throw new InvalidRequest({ body: 'must be UTF-8' })
  const parsed = parseJsonObject(withoutByteOrderMark(body))
  if (parsed === 'too many members')
    throw new InvalidRequest({ body: `must not have more than ${maximumMembers} members` })
  return parsed
}

function withoutByteOrderMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body
}
