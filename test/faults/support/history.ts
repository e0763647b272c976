// A history of requests and outcomes, and a checker: each interaction must behave like a linearizable register.
import { expect } from 'vitest'

interface Event {
  readonly id: string
  /** in milliseconds, by one clock for all callers */
  readonly began: number
  readonly ended: number
}

export interface Write extends Event {
  readonly kind: 'create' | 'update'
  /** expected version of an update; undefined: any */
  readonly base: number | undefined
  /** written data, unique to this write */
  readonly data: string
  /** `unknown`: no response, or a retryable one */
  readonly outcome: 'applied' | 'rejected' | 'unknown'
}

export interface Read extends Event {
  readonly kind: 'read'
  readonly version: number
  readonly data: string
}

export interface Stored {
  readonly version: number
  readonly data: string
}

/**
 * Expects the history of one interaction to be that of a register: each version has exactly one winner, later reads see
 * acknowledged writes, reads do not go back in time, and every conflict has a cause.
 * @param stored the final state; undefined: nothing is stored
 */
export function expectRegister(history: readonly (Write | Read)[], stored: Stored | undefined): void {
  const writes = history.filter((event) => event.kind !== 'read')
  const reads = history.filter((event) => event.kind === 'read')
  const effective = writes.filter(({ outcome }) => outcome !== 'rejected')
  const applied = writes.filter(({ outcome }) => outcome === 'applied')
  if (stored === undefined) {
    expect([...applied, ...reads], 'acknowledged or read, but missing').toEqual([])
    return
  }
  const seen = [...reads, { ...stored, began: Number.POSITIVE_INFINITY, ended: Number.POSITIVE_INFINITY }]
  for (const { data, began, ended } of seen) {
    const writer = effective.find((write) => write.data === data)
    expect(writer, `data ${data} was not written, or its write was rejected`).toBeDefined()
    expect(writer?.began, `data ${data} was read before it was written`).toBeLessThanOrEqual(ended)
    const later = applied.filter((write) => write.began > (writer?.ended ?? 0) && write.ended < began)
    if (writer?.outcome === 'applied')
      expect(later, `data ${data} was read after it was replaced`).toEqual([])
  }
  const unversioned = effective.filter(({ kind, base }) => kind === 'update' && base === undefined)
  const minimum = applied.filter(({ kind }) => kind === 'update').length
  const maximum = effective.filter(({ kind }) => kind === 'update').length
  expect(stored.version, 'an acknowledged update is missing').toBeGreaterThanOrEqual(minimum)
  expect(stored.version, 'an update was applied twice').toBeLessThanOrEqual(maximum)
  if (unversioned.length === 0) expectVersions(effective, seen, stored.version)
  expectCauses(writes)
  expectMonotonicReads(reads, applied)
}

/** Returns the version that a write creates; undefined if unknown. */
function createdVersion({ kind, base }: Write): number | undefined {
  return kind === 'create' ? 0 : base === undefined ? undefined : base + 1
}

function expectVersions(effective: readonly Write[], seen: readonly Stored[], last: number): void {
  for (let version = 0; version <= last; version++) {
    const writers = effective.filter((write) => createdVersion(write) === version)
    const winners = writers.filter(({ outcome }) => outcome === 'applied')
    expect(winners.length, `winners of version ${version}`).toBeLessThanOrEqual(1)
    expect(writers.length, `writers of version ${version}`).toBeGreaterThan(0)
    const allowed = (winners.length === 1 ? winners : writers).map(({ data }) => data)
    const data = new Set(seen.filter((one) => one.version === version).map((one) => one.data))
    expect(data.size, `states of version ${version}`).toBeLessThanOrEqual(1)
    for (const one of data) expect(allowed, `the winner of version ${version}`).toContain(one)
  }
  const beyond = effective.filter(
    (write) => write.outcome === 'applied' && (createdVersion(write) ?? 0) > last,
  )
  expect(beyond, 'acknowledged, but missing').toEqual([])
}

/** Expects each rejected write to have lost its version to a write that began before it ended. */
function expectCauses(writes: readonly Write[]): void {
  for (const rejected of writes.filter(({ outcome }) => outcome === 'rejected')) {
    const cause = writes.find(
      (write) =>
        write.outcome !== 'rejected' &&
        createdVersion(write) === createdVersion(rejected) &&
        write.began <= rejected.ended,
    )
    expect(cause, `the cause of 409 for ${rejected.kind} ${rejected.data}`).toBeDefined()
  }
}

function expectMonotonicReads(reads: readonly Read[], applied: readonly Write[]): void {
  const known = [
    ...reads.map(({ version, ended }) => ({ version, ended })),
    ...applied.map((write) => ({ version: createdVersion(write) ?? 0, ended: write.ended })),
  ]
  for (const read of reads) {
    const before = known.filter(({ ended }) => ended < read.began).map(({ version }) => version)
    expect(read.version, `version read at ${read.began} of ${read.id}`).toBeGreaterThanOrEqual(
      Math.max(0, ...before),
    )
  }
}

/** Expects the history of each interaction to be that of a register. @param where context for failure messages */
export function expectHistory(
  history: readonly (Write | Read)[],
  stored: ReadonlyMap<string, Stored>,
  where: string,
): void {
  const byId = new Map<string, (Write | Read)[]>()
  for (const event of history) byId.set(event.id, [...(byId.get(event.id) ?? []), event])
  for (const [id, events] of byId) {
    try {
      expectRegister(events, stored.get(id))
    } catch (cause) {
      throw new Error(`${where}: ${id}: ${cause}\n${JSON.stringify(events, undefined, 1)}`, { cause })
    }
  }
}
