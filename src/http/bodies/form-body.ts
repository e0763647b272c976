// Parses forms of callers who are not known yet: small ones, and few that are incomplete.
import { parse } from 'node:querystring'
import type { FastifyInstance } from 'fastify'
import { Problem } from '../problem.ts'
import { type BodyLimits, checkAnnouncedLength, prepareReading, readBody } from './body-reader.ts'

/** The most parameters that a form may have (contract §2). */
const maximumParameters = 100

/**
 * Accepts bodies of any type in a scope. A form becomes an object of its parameters, with an array for a repeated one. A
 * body of another type is not read, and becomes null.
 */
export function acceptForms(app: FastifyInstance, limits: BodyLimits): void {
  app.removeAllContentTypeParsers()
  prepareReading(app)
  app.addContentTypeParser('application/x-www-form-urlencoded', (request, payload, done) => {
    readBody(request, payload, limits, (body) => {
      if (body instanceof Problem) return done(body)
      const text = body.toString()
      const { length } = text.split('&', maximumParameters + 1)
      if (length <= maximumParameters) return done(null, parse(text))
      done(
        new Problem('invalid_request', `The body must not have more than ${maximumParameters} parameters.`),
      )
    })
  })
  app.addContentTypeParser('*', (request, _payload, done) => {
    checkAnnouncedLength(request, limits.limitBytes)
    done(null, request.headers['content-length'] === '0' ? undefined : null)
  })
}
