// Parses JSON bodies into their members, each as its exact text: `data` must keep every digit.
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type JsonMembers, maximumMembers, parseJsonObject } from '../../types/json-text.ts'
import { holderOf } from '../limits/holder.ts'
import { InvalidRequest, Problem } from '../problem.ts'
import { type BodyLimits, largeBytes, prepareReading, readBody } from './body-reader.ts'
import { takeTurns } from './turns.ts'

/**
 * Accepts JSON bodies, and no others, in a scope. The body becomes a JsonMembers, which validation.ts reads; undefined
 * when it is not a JSON object. Large bodies are parsed one at a time, so that small requests go between.
 */
export function acceptJsonObjects(app: FastifyInstance, limits: BodyLimits): void {
  app.removeAllContentTypeParsers()
  prepareReading(app)
  const waitForTurn = takeTurns()
  const json = /^application\/(?:[\w!#$&^.+-]+\+)?json\s*(?:;|$)/i
  app.addContentTypeParser(json, (request, payload, done) => {
    checkCoding(request)
    readBody(request, payload, limits, (body) => {
      if (body instanceof Problem) return done(body)
      const parse = () => {
        const parsed = parseBody(body)
        if (parsed instanceof Problem) done(parsed)
        else done(null, parsed)
      }
      if (body.length <= largeBytes) parse()
      else waitForTurn(holderOf(request), parse)
    })
  })
}

function checkCoding({ headers }: FastifyRequest): void {
  const coding = headers['content-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw new Problem('unsupported_media_type', 'The body must not be compressed.', {
      'accept-encoding': 'identity',
    })
}

function parseBody(body: Buffer): JsonMembers | Problem | undefined {
  // invalid UTF-8 would be stored as something else
  if (!isUtf8(body)) return new InvalidRequest({ body: 'must be UTF-8' })
  const parsed = parseJsonObject(withoutByteOrderMark(body))
  return parsed === 'too many members'
    ? new InvalidRequest({ body: `must not have more than ${maximumMembers} members` })
    : parsed
}

function withoutByteOrderMark(body: Buffer): Buffer {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body
}
