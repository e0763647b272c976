// Runs steps against a service, tracks what must be stored, and reports what is wrong with each response.
import { type Operation, operations } from './document.ts'
import { documentErrors, generalErrors } from './replies.ts'
import { type CallerName, type Id, isHonest, type Step } from './requests.ts'
import type { WireReply, WireRequest } from './wire.ts'

interface Stored {
  readonly id: string
  readonly organizationId: string
  readonly type: unknown
  readonly data: unknown
  readonly version: number
}

/** The members of a body that determine the response to a valid request. */
interface Sent {
  readonly interactionId?: string
  readonly organizationId?: string
  readonly type?: string
  readonly data?: unknown
  readonly version?: number
}

export interface FuzzTarget {
  readonly send: (request: WireRequest) => Promise<WireReply>
  readonly tokens: Readonly<Record<CallerName, string | undefined>>
  /** form for which the token endpoint issues a token */
  readonly credentials: Readonly<Record<string, string>>
}

const all = '/rtc-api/interactions'

/**
 * Starts a run.
 * @param run suffix of all ids of the run, which keeps runs apart
 * @returns a function that runs a step
 */
export function startRun(target: FuzzTarget, run: string) {
  const stored = new Map<string, Stored>()

  const idOf = (id: Id) =>
    'known' in id ? ([...stored.keys()].at(id.known % (stored.size + 1)) ?? `unknown~${run}`) : textOf(id)
  const textOf = (id: { own: string } | { raw: string }) => ('own' in id ? `${id.own}~${run}` : id.raw)

  /** Returns the request of a step, with ids and versions of earlier responses in place of placeholders. */
  function toRequest(step: Step, operation: Operation, id: string): WireRequest {
    const token = target.tokens[step.caller]
    const path = operation.path.replace('{interactionId}', 'raw' in step.id ? id : encodeURIComponent(id))
    const query = new URLSearchParams(
      step.query.map(([name, value]): [string, string] => [name, value]),
    ).toString()
    const type = step.contentType ?? operation.body?.type ?? 'application/json'
    const body = step.text ?? toText(step, operation, id)
    return {
      method: step.method ?? operation.method,
      path: query === '' ? path : `${path}?${query}`,
      headers: {
        ...(token === undefined || !operation.guarded ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      body,
    }
  }

  function toText({ kind, body }: Step, { operationId }: Operation, id: string): string | undefined {
    if (body === undefined) return undefined
    const members: Record<string, unknown> = { ...Object(body) }
    if (operationId === 'createToken')
      return new URLSearchParams(kind === 'valid' ? target.credentials : toTexts(members)).toString()
    if (kind === 'valid' && typeof members.interactionId === 'string') members.interactionId = id
    else if (isExtensibleId(members.interactionId)) members.interactionId += `~${run}`
    if (typeof members.version === 'number' && members.version % 2 === 0)
      members.version = stored.get(id)?.version ?? members.version
    return JSON.stringify(members)
  }

  /** Returns the status that a valid request must get, given what is stored. */
  function expectedStatus({ caller, query }: Step, operation: Operation, id: string, sent: Sent): number {
    if (!operation.guarded) return 200
    if (!isHonest(caller)) return 401
    const owner = stored.get(id)?.organizationId
    const named = query.find(([name]) => name === 'organizationId')?.[1]
    switch (operation.operationId) {
      case 'createInteraction':
        if (caller === 'service' && sent.organizationId === undefined) return 400
        return stored.has(sent.interactionId ?? '') ? 409 : 200
      case 'listInteractions':
        return caller === 'service' || named === undefined || named === caller ? 200 : 403
    }
    if (owner === undefined) return 404
    if (caller !== 'service' && caller !== owner) return 403
    if (operation.operationId === 'getInteraction') return 200
    return sent.version !== undefined && sent.version !== stored.get(id)?.version ? 409 : 204
  }

  /** Reads an interaction as SERVICE. */
  async function readStored(id: string): Promise<Stored | undefined> {
    const headers = { authorization: `Bearer ${target.tokens.service}` }
    const path = `${all}/${encodeURIComponent(id)}`
    const reply = await target.send({ method: 'GET', path, headers, body: undefined })
    return reply.status === 200 ? JSON.parse(reply.body) : undefined
  }

  /** Returns how the stored row differs from what the response of a write says. */
  async function checkWrite(step: Step, sent: Sent, reply: WireReply, id: string): Promise<string[]> {
    const before = stored.get(id)
    const after = id.isWellFormed() && id !== '' ? await readStored(id) : undefined
    if (reply.status >= 400) {
      // A conflict with an id of an earlier run.
      const isOtherRun = before === undefined && reply.status === 409
      return isOtherRun || same(before, after) ? [] : ['a rejected request changed the row']
    }
    if (after === undefined) return ['an accepted request stored nothing']
    stored.set(id, after)
    const owner = before?.organizationId ?? (step.caller === 'service' ? after.organizationId : step.caller)
    if (after.organizationId !== owner) return ['the row is in another organization']
    if (step.caller !== 'service' && step.caller !== owner)
      return ['a caller changed a row of another organization']
    const { type, data, version } = { data: {}, version: -1, ...before }
    const isChanged = before === undefined || sent.type !== undefined || sent.data !== undefined
    const next = {
      type: sent.type ?? type,
      data: sent.data ?? data,
      version: isChanged ? version + 1 : version,
    }
    if (step.kind === 'valid')
      return same(next, { type: after.type, data: after.data, version: after.version })
        ? []
        : ['the row differs from the request']
    return after.version === version || after.version === version + 1
      ? []
      : ['the version is not the next one']
  }

  /** @returns the request, the reply and a list of errors */
  return async (step: Step) => {
    const operation = operations.find(({ operationId }) => operationId === step.operationId) ?? fail()
    const id = idOf(step.id)
    const request = toRequest(step, operation, id)
    const isValid = step.kind === 'valid'
    const sent = withoutNulls(JSON.parse((isValid && operation.guarded ? request.body : undefined) ?? '{}'))
    const expected = expectedStatus(step, operation, id, sent)
    const reply = await target.send(request)
    const wrong = [...generalErrors(step, request, reply), ...documentErrors(step, operation, request, reply)]
    if (isValid && reply.status !== expected) wrong.push(`status ${expected} was expected`)
    if (isValid && reply.status === 200 && operation.operationId === 'getInteraction')
      if (!same(JSON.parse(reply.body), stored.get(id)))
        wrong.push('the response differs from the stored row')
    const isWrite = operation.guarded && ['POST', 'PUT'].includes(request.method) && wrong.length === 0
    if (isWrite)
      wrong.push(...(await checkWrite(step, sent, reply, writtenId(operation, request, reply, id))))
    return { request, reply, wrong }
  }
}

/** Removes members that are null, which count as absent. */
const withoutNulls = (body: object): Sent =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))

function fail(): never {
  throw new Error('the document does not have the operation')
}

/** Returns whether a value is a valid id even with a suffix. */
const isExtensibleId = (value: unknown): value is string =>
  typeof value === 'string' && value.length < 200 && value.isWellFormed() && !value.includes('\u0000')

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

const toTexts = (members: object) =>
  Object.entries(members).map(([name, value]): [string, string] => [name, String(JSON.stringify(value))])

/** Returns the id that a create made or requested, or that an update names. */
function writtenId({ path }: Operation, request: WireRequest, reply: WireReply, id: string): string {
  if (path !== all) return id
  if (reply.status === 200) return JSON.parse(reply.body).interactionId
  const [, requested = ''] = /"interactionId":("(?:[^"\\]|\\.)*")/.exec(request.body ?? '') ?? []
  return requested === '' ? '' : JSON.parse(requested)
}
