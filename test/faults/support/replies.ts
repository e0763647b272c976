// What is wrong with a reply: against what holds for all, and against the document.
import { differences, methodsOf, type Operation, operations } from './document.ts'
import { isHonest, type Step } from './requests.ts'
import type { WireReply, WireRequest } from './wire.ts'

/** What no reply may have, whatever was asked. */
export function alwaysWrong(
  { caller }: Step,
  request: WireRequest,
  { status, headers, body }: WireReply,
): string[] {
  const wrong: string[] = []
  if (status >= 500) wrong.push('it failed')
  if (headers['x-request-id'] === undefined) wrong.push('there is no request id')
  for (const organization of ['acme', 'globex'])
    if (caller !== organization && caller !== 'service' && body.includes(`user-of-${organization}`))
      wrong.push(`it tells of ${organization}`)
  const shown = status === 200 && body.includes('"organizationId"') ? JSON.parse(body) : {}
  for (const { organizationId } of shown.content ?? [shown])
    if (organizationId !== undefined && organizationId !== caller && caller !== 'service')
      wrong.push(`it shows what is of ${organizationId}`)
  if (/\b(select|insert into|pg_|node_modules|at .*\.js:\d)/i.test(body) && status >= 400)
    wrong.push('it tells too much')
  if (status >= 400 && request.method !== 'HEAD') {
    const isText = (value: unknown) => typeof value === 'string'
    if (headers['content-type'] !== 'application/json') wrong.push('the refusal is no JSON')
    else if (!Object.values(JSON.parse(body)).every(isText))
      wrong.push('the refusal has members that are no texts')
  }
  return wrong
}

/** What the document does not have, and what is answered to a caller whom it does not let in. */
export function documentedWrong(
  step: Step,
  operation: Operation,
  request: WireRequest,
  reply: WireReply,
): string[] {
  const { path, guarded } = operation
  if (guarded && !isHonest(step.caller)) {
    // what is no path at all is refused before the token is looked at
    const isRefused = reply.status === 401 || ('raw' in step.id && reply.status === 400)
    if (!isRefused) return ['it needs no token']
    if (reply.status === 401 && !String(reply.headers['www-authenticate']).startsWith('Bearer'))
      return ['no challenge']
  }
  if ('raw' in step.id && path.includes('{')) return []
  const served = operations.find((one) => one.path === path && one.method === request.method)
  if (served !== undefined) return differences(served, reply)
  if (request.method === 'HEAD' || request.method === 'OPTIONS' || reply.status === 401) return []
  const allowed = String(reply.headers.allow).split(', ').sort()
  return reply.status === 405 && allowed.join() === methodsOf(path).sort().join()
    ? []
    : ['it is not refused with what is allowed']
}
