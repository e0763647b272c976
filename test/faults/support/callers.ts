// Callers of a service that may fail at any moment. They record their requests and the outcomes.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, vi } from 'vitest'
import { agentToken } from '../../support/tokens.ts'
import type { Read, Write } from './history.ts'

interface Counts {
  /** calls with a response other than 503 */
  answered: number
  unavailable: number
  /** reads among `unavailable` */
  readsUnavailable: number
  /** calls without a response */
  lost: number
  slowestMs: number
}

export interface Load {
  readonly history: (Write | Read)[]
  /** responses that are neither in the contract nor 503 */
  readonly unexpected: string[]
  readonly counts: Counts
  /** Stops the callers and waits for their current calls. */
  stop(): Promise<void>
}

export interface LoadOptions {
  /** returns the current URLs of the service; several are used in turn */
  readonly baseUrls: () => readonly string[]
  readonly organization: string
  readonly callers: number
  /** number of interactions that all callers create, read and update concurrently */
  readonly shared: number
}

/** Starts callers that work on their own and on shared interactions until `stop` or the end of the test. */
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
    const response = await fetch(`${urls[turn++ % urls.length]}/rtc-api/interactions${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch(() => ({ status: 0, text: '' }))
    if (response.status === 0) {
      counts.lost++
      await pause(10)
    } else if (response.status === 503) counts.unavailable++
    else counts.answered++
    const ended = performance.now()
    counts.slowestMs = Math.max(counts.slowestMs, ended - began)
    return { ...response, began, ended }
  }
  function outcomeOf(status: number, text: string, applied: number): Write['outcome'] {
    if (status === applied) return 'applied'
    if (status === 409) return 'rejected'
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
      // 404 is right as long as the interaction is not created.
      if (status === 404 && !wasCreated(history, id, times.began)) return
      const outcome = outcomeOf(status, text, 204)
      history.push({ kind: 'update', id, base, data, outcome, ...times })
    },
    /** @returns the version; undefined without a 200 */
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
 * Waits until the service has responded to `more` further calls.
 * @throws Error after `withinMs`
 */
export async function untilAnswered({ counts }: Load, more: number, withinMs = stepLimitMs): Promise<void> {
  const goal = counts.answered + more
  await vi.waitUntil(() => counts.answered >= goal, { timeout: withinMs, interval: 5 })
}

/**
 * Waits until `more` further calls got 503.
 * @throws Error after 120 s, or on an unexpected response
 */
export async function untilUnavailable({ counts, unexpected }: Load, more: number): Promise<void> {
  const goal = counts.unavailable + more
  const isReached = () => {
    expect(unexpected).toEqual([])
    return counts.unavailable >= goal
  }
  await vi.waitUntil(isReached, { timeout: stepLimitMs, interval: 5 })
}

/** time limit in milliseconds, longer than any step takes */
const stepLimitMs = 120_000

/** Reads all interactions of an organization page by page. */
export async function listAll(baseUrl: string, organization: string) {
  const stored = new Map<string, { version: number; data: string }>()
  const headers = { authorization: `Bearer ${agentToken(organization)}` }
  for (let page = 0; ; page++) {
    const query = `start=0001-01-01T00:00:00Z&end=9999-12-31T00:00:00Z&size=2000&page=${page}`
    const response = await fetch(`${baseUrl}/rtc-api/interactions?${query}`, { headers })
    const text = await response.text()
    const { content, totalElements, last } = JSON.parse(text)
    for (const { id, version, data } of content) stored.set(id, { version, data: JSON.stringify(data) })
    if (last) return { stored, total: Number(totalElements) }
  }
}
