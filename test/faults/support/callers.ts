// Callers of a service that may go away at any moment; they write down what they did and what they were told.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, vi } from 'vitest'
import { agentToken } from '../../support/tokens.ts'
import type { Read, Write } from './history.ts'

interface Counts {
  /** calls with an answer other than 503 */
  answered: number
  unavailable: number
  /** those of `unavailable` that were reads */
  readsUnavailable: number
  /** calls without an answer */
  lost: number
  slowestMs: number
}

export interface Load {
  readonly history: (Write | Read)[]
  /** answers other than those of the contract and 503 */
  readonly unexpected: string[]
  readonly counts: Counts
  /** Lets each caller finish its call. */
  stop(): Promise<void>
}

export interface LoadOptions {
  /** where the service is by now; several: any of them */
  readonly baseUrls: () => readonly string[]
  readonly organization: string
  readonly callers: number
  /** interactions that all callers create, read and update at once */
  readonly shared: number
}

/** Puts callers to work until the test is over: on interactions of their own, and on some that all of them want. */
export function startLoad({ baseUrls, organization, callers, shared }: LoadOptions): Load {
  const counts = { answered: 0, unavailable: 0, readsUnavailable: 0, lost: 0, slowestMs: 0 }
  const load = { history: [], unexpected: [], counts }
  const call = caller(load, baseUrls, agentToken(organization))
  const sharedIds = Array.from({ length: shared }, () => randomUUID())
  let isOver = false
  const work = async (number: number) => {
    for (const id of sharedIds) await call.create(id)
    for (let turn = number; !isOver; turn++) {
      const own = randomUUID()
      await call.create(own)
      await call.update(own, 0)
      await call.update(own, undefined)
      const id = sharedIds[turn % shared] ?? own
      const version = await call.read(id)
      if (version !== undefined) await call.update(id, version)
      await call.read(id)
    }
  }
  onTestFinished(() => {
    isOver = true
  })
  const working = Array.from({ length: callers }, (_, number) => work(number))
  return {
    ...load,
    async stop() {
      isOver = true
      await Promise.all(working)
    },
  }
}

function caller(
  { history, unexpected, counts }: Omit<Load, 'stop'>,
  baseUrls: LoadOptions['baseUrls'],
  token: string,
) {
  let turn = 0
  async function send(method: string, path: string, body?: string) {
    const began = performance.now()
    const urls = baseUrls()
    const answer = await fetch(`${urls[turn++ % urls.length]}/rtc-api/interactions${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch(() => ({ status: 0, text: '' }))
    if (answer.status === 0) {
      counts.lost++
      await pause(10)
    } else if (answer.status === 503) counts.unavailable++
    else counts.answered++
    const ended = performance.now()
    counts.slowestMs = Math.max(counts.slowestMs, ended - began)
    return { ...answer, began, ended }
  }
  function outcomeOf(status: number, text: string, applied: number): Write['outcome'] {
    if (status === applied) return 'applied'
    if (status === 409) return 'refused'
    if (status !== 503 && status !== 0) unexpected.push(`${status} ${text}`)
    return 'unknown'
  }
  const newData = () => JSON.stringify({ write: randomUUID(), padding: 'x'.repeat(500) })
  return {
    async create(id: string) {
      const data = newData()
      const { status, text, ...times } = await send('POST', '', `{"interactionId":"${id}","data":${data}}`)
      const outcome = outcomeOf(status, text, 200)
      history.push({ kind: 'create', id, base: undefined, data, outcome, ...times })
    },
    async update(id: string, base: number | undefined) {
      const data = newData()
      const version = base === undefined ? '' : `"version":${base},`
      const { status, text, ...times } = await send('PUT', `/${id}`, `{${version}"data":${data}}`)
      // what was not created cannot be updated
      if (status === 404 && !wasCreated(history, id, times.began)) return
      const outcome = outcomeOf(status, text, 204)
      history.push({ kind: 'update', id, base, data, outcome, ...times })
    },
    /** @returns the version; undefined without an answer */
    async read(id: string): Promise<number | undefined> {
      const { status, text, ...times } = await send('GET', `/${id}`)
      if (status === 200) {
        const [, data = '', version] = /"data":(.*),"version":(\d+)\}$/s.exec(text) ?? []
        history.push({ kind: 'read', id, data, version: Number(version), ...times })
        return Number(version)
      }
      if (status === 503) counts.readsUnavailable++
      if (status !== 404 || wasCreated(history, id, times.began)) outcomeOf(status, text, 200)
      return undefined
    },
  }
}

function wasCreated(history: readonly (Write | Read)[], id: string, before: number): boolean {
  return history.some(
    (event) =>
      event.id === id && event.kind === 'create' && event.outcome === 'applied' && event.ended < before,
  )
}

/**
 * Until the service has answered so many more calls.
 * @throws Error when it has not by then
 */
export async function untilAnswered({ counts }: Load, more: number, withinMs = hangMs): Promise<void> {
  const goal = counts.answered + more
  await vi.waitUntil(() => counts.answered >= goal, { timeout: withinMs, interval: 5 })
}

/**
 * Until so many more calls were answered 503.
 * @throws Error when they never are, and when one is answered as it may not be
 */
export async function untilUnavailable({ counts, unexpected }: Load, more: number): Promise<void> {
  const goal = counts.unavailable + more
  const isReached = () => {
    expect(unexpected).toEqual([])
    return counts.unavailable >= goal
  }
  await vi.waitUntil(isReached, { timeout: hangMs, interval: 5 })
}

/** longer than anything takes, in milliseconds, unless it never ends */
const hangMs = 120_000

/** Everything of an organization, by walking the pages of its search. */
export async function listAll(baseUrl: string, organization: string) {
  const stored = new Map<string, { version: number; data: string }>()
  const headers = { authorization: `Bearer ${agentToken(organization)}` }
  for (let page = 0; ; page++) {
    const query = `start=0001-01-01T00:00:00Z&end=9999-12-31T00:00:00Z&size=2000&page=${page}`
    const response = await fetch(`${baseUrl}/rtc-api/interactions?${query}`, { headers })
    const text = await response.text()
    const { content, totalElements, last } = JSON.parse(text)
    for (const one of content) stored.set(one.id, { version: one.version, data: JSON.stringify(one.data) })
    if (last) return { stored, total: Number(totalElements) }
  }
}
