// Checks a response against general rules and against the OpenAPI document.
import { differences, methodsOf, type Operation, operations } from './document.ts'
import { isHonest, type Step } from './requests.ts'
import type { WireReply, WireRequest } from './wire.ts'

/** Returns violations of rules for all responses. */
export function generalErrors(
  { caller }: Step,
  request: WireRequest,
  { status, headers, body }: WireReply,
): string[] {
  const wrong: string[] = []
  if (status >= 500) wrong.push('the request failed')
  if (headers['x-request-id'] === undefined) wrong.push('x-request-id is missing')
  for (const organization of ['acme', 'globex'])
    if (caller !== organization && caller !== 'service' && body.includes(`user-of-${organization}`))
      wrong.push(`the body mentions ${organization}`)
  const shown = status === 200 && body.includes('"organizationId"') ? JSON.parse(body) : {}
  for (const { organizationId } of shown.content ?? [shown])
    if (organizationId !== undefined && organizationId !== caller && caller !== 'service')
      wrong.push(`the body contains an interaction of ${organizationId}`)
  if (/\b(select|insert into|pg_|node_modules|at .*\.js:\d)/i.test(body) && status >= 400)
    wrong.push('the body leaks internals')
  if (status >= 400 && request.method !== 'HEAD') {
    const isText = (value: unknown) => typeof value === 'string'
    if (headers['content-type'] !== 'application/json') wrong.push('the error is not JSON')
    else if (!Object.values(JSON.parse(body)).every(isText))
      wrong.push('the error has members that are not strings')
  }
  return wrong
}

/** Returns differences from the document, and wrong responses to callers without a valid token. */
export function documentErrors(
  step: Step,
  operation: Operation,
  request: WireRequest,
  reply: WireReply,
): string[] {
  const { path, guarded } = operation
  if (guarded && !isHonest(step.caller)) {
    // A malformed path is rejected before the token is checked.
    const isRejected = reply.status === 401 || ('raw' in step.id && reply.status === 400)
    if (!isRejected) return ['the operation needs no token']
    if (reply.status === 401 && !String(reply.headers['www-authenticate']).startsWith('Bearer'))
      return ['WWW-Authenticate is missing']
  }
  if ('raw' in step.id && path.includes('{')) return []
  const served = operations.find((one) => one.path === path && one.method === request.method)
  if (served !== undefined) return differences(served, reply)
  if (request.method === 'HEAD' || request.method === 'OPTIONS' || reply.status === 401) return []
  const allowed = String(reply.headers.allow).split(', ').sort()
  return reply.status === 405 && allowed.join() === methodsOf(path).sort().join()
    ? []
    : ['Allow does not list the methods of the path']
}
