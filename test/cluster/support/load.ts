// Workers that create, update and read their own interactions, each request once, while the cluster fails over.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished, vi } from 'vitest'
import type { Read, Write } from '../../faults/support/history.ts'
import { agentToken } from '../../support/tokens.ts'

export const organization = 'cluster'

interface Failure {
  readonly method: string
  readonly status: number
  readonly milliseconds: number
}

export interface Load {
  readonly history: (Write | Read)[]
  /** responses other than success; status 0: no response */
  readonly failures: Failure[]
  /** Waits until so many further requests have succeeded. */
  untilServed(more: number): Promise<void>
  /** Stops the workers and waits for their requests. @returns how the event was for clients */
  stop(): Promise<Outcome>
}

export interface Outcome {
  readonly requests: number
  readonly errors: number
  /** the longest time in which no write was acknowledged, in seconds */
  readonly writesDown: number
  /** the longest request, in seconds */
  readonly slowest: number
}

/** The pause of a worker between two requests, in milliseconds: the nodes share the processors with the load. */
const restMs = 10

export function startLoad(baseUrl: string, workers = 16): Load {
  const history: (Write | Read)[] = []
  const failures: Failure[] = []
  const began = performance.now()
  let isOver = false
  let requests = 0
  const headers = { authorization: `Bearer ${agentToken(organization)}`, 'content-type': 'application/json' }

  async function send(method: string, path: string, body?: string) {
    const began = performance.now()
    const response = await fetch(`${baseUrl}/rtc-api/interactions${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    })
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch((error: unknown) => ({ status: 0, text: String(error) }))
    const ended = performance.now()
    requests++
    if (response.status !== 200 && response.status !== 204)
      failures.push({ method, status: response.status, milliseconds: Math.round(ended - began) })
    await pause(restMs)
    return { ...response, began, ended }
  }
  const outcomeOf = (status: number) =>
    status === 200 || status === 204 ? 'applied' : status === 409 ? 'rejected' : 'unknown'

  /** @returns whether it was acknowledged */
  async function write(kind: Write['kind'], id: string, base: number | undefined): Promise<boolean> {
    const data = JSON.stringify({ write: randomUUID() })
    const { status, began, ended } =
      kind === 'create'
        ? await send('POST', '', `{"interactionId":"${id}","data":${data}}`)
        : await send('PUT', `/${id}`, `{"version":${base},"data":${data}}`)
    const outcome = outcomeOf(status)
    history.push({ kind, id, base, data, outcome, began, ended })
    return outcome === 'applied'
  }

  async function read(id: string) {
    const { status, text, began, ended } = await send('GET', `/${id}`)
    if (status !== 200) return
    const [, data = '', version] = /"data":(.*),"version":(\d+)\}$/s.exec(text) ?? []
    history.push({ kind: 'read', id, data, version: Number(version), began, ended })
  }

  async function work() {
    while (!isOver) {
      const id = randomUUID()
      if (!(await write('create', id, undefined))) continue
      await read(id)
      if (!(await write('update', id, 0))) continue
      await read(id)
      await write('update', id, 1)
    }
  }

  onTestFinished(() => {
    isOver = true
  })
  const working = Array.from({ length: workers }, work)
  const served = () => requests - failures.length
  return {
    history,
    failures,
    async untilServed(more) {
      const goal = served() + more
      await vi.waitUntil(() => served() >= goal, { timeout: 120_000, interval: 20 })
    },
    async stop() {
      isOver = true
      await Promise.all(working)
      const acknowledged = history.filter((event) => event.kind !== 'read' && event.outcome === 'applied')
      return {
        requests,
        errors: failures.length,
        writesDown: seconds(longestGap([began, ...acknowledged.map(({ ended }) => ended)])),
        slowest: seconds(Math.max(...history.map((event) => event.ended - event.began))),
      }
    },
  }
}

const seconds = (milliseconds: number) => Math.round(milliseconds / 100) / 10

function longestGap(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b)
  return Math.max(0, ...sorted.slice(1).map((time, index) => time - (sorted[index] ?? time)))
}
