// What callers did to interactions and were told, and whether one register a row explains all of it.
import { expect } from 'vitest'

interface Event {
  readonly id: string
  /** milliseconds, on one clock for all callers */
  readonly began: number
  readonly ended: number
}

export interface Write extends Event {
  readonly kind: 'create' | 'update'
  /** the version that an update gave; undefined: whichever it finds */
  readonly base: number | undefined
  /** the data that it writes, unlike those of any other write */
  readonly data: string
  /** `unknown`: no answer, or one that says to try again */
  readonly outcome: 'applied' | 'refused' | 'unknown'
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
 * Expects the history of one interaction to be that of a register: one winner a version and no version without one,
 * what was acknowledged seen by all who ask later, nobody going back in time, and no refusal without a reason.
 * @param stored what is there in the end; undefined: nothing
 */
export function expectRegister(history: readonly (Write | Read)[], stored: Stored | undefined): void {
  const writes = history.filter((event) => event.kind !== 'read')
  const reads = history.filter((event) => event.kind === 'read')
  const effective = writes.filter(({ outcome }) => outcome !== 'refused')
  const applied = writes.filter(({ outcome }) => outcome === 'applied')
  if (stored === undefined) {
    expect([...applied, ...reads], 'acknowledged or seen, yet missing').toEqual([])
    return
  }
  const seen = [...reads, { ...stored, began: Number.POSITIVE_INFINITY, ended: Number.POSITIVE_INFINITY }]
  for (const { data, began, ended } of seen) {
    const writer = effective.find((write) => write.data === data)
    expect(writer, `data ${data} that nobody wrote, or whose write was refused`).toBeDefined()
    expect(writer?.began, `data ${data} seen before they were written`).toBeLessThanOrEqual(ended)
    const later = applied.filter((write) => write.began > (writer?.ended ?? 0) && write.ended < began)
    if (writer?.outcome === 'applied')
      expect(later, `data ${data} seen after others replaced them`).toEqual([])
  }
  const unversioned = effective.filter(({ kind, base }) => kind === 'update' && base === undefined)
  const sure = applied.filter(({ kind }) => kind === 'update').length
  const possible = effective.filter(({ kind }) => kind === 'update').length
  expect(stored.version, 'an acknowledged update is missing').toBeGreaterThanOrEqual(sure)
  expect(stored.version, 'an update was applied twice').toBeLessThanOrEqual(possible)
  if (unversioned.length === 0) expectVersions(effective, seen, stored.version)
  expectReasons(writes)
  expectNoWayBack(reads, applied)
}

/** The version that a write makes. */
function made({ kind, base }: Write): number | undefined {
  return kind === 'create' ? 0 : base === undefined ? undefined : base + 1
}

function expectVersions(effective: readonly Write[], seen: readonly Stored[], last: number): void {
  for (let version = 0; version <= last; version++) {
    const writers = effective.filter((write) => made(write) === version)
    const winners = writers.filter(({ outcome }) => outcome === 'applied')
    expect(winners.length, `winners of version ${version}`).toBeLessThanOrEqual(1)
    expect(writers.length, `writers of version ${version}`).toBeGreaterThan(0)
    const allowed = (winners.length === 1 ? winners : writers).map(({ data }) => data)
    const data = new Set(seen.filter((one) => one.version === version).map((one) => one.data))
    expect(data.size, `states of version ${version}`).toBeLessThanOrEqual(1)
    for (const one of data) expect(allowed, `the winner of version ${version}`).toContain(one)
  }
  const beyond = effective.filter((write) => write.outcome === 'applied' && (made(write) ?? 0) > last)
  expect(beyond, 'acknowledged, yet missing').toEqual([])
}

/** Whoever was refused came after another who made the version that he would have made. */
function expectReasons(writes: readonly Write[]): void {
  for (const refused of writes.filter(({ outcome }) => outcome === 'refused')) {
    const reason = writes.find(
      (write) => write.outcome !== 'refused' && made(write) === made(refused) && write.began <= refused.ended,
    )
    expect(reason, `a reason for 409 to ${refused.kind} ${refused.data}`).toBeDefined()
  }
}

function expectNoWayBack(reads: readonly Read[], applied: readonly Write[]): void {
  const known = [
    ...reads.map(({ version, ended }) => ({ version, ended })),
    ...applied.map((write) => ({ version: made(write) ?? 0, ended: write.ended })),
  ]
  for (const read of reads) {
    const before = known.filter(({ ended }) => ended < read.began).map(({ version }) => version)
    expect(read.version, `a read at ${read.began} of ${read.id}`).toBeGreaterThanOrEqual(
      Math.max(0, ...before),
    )
  }
}

/** Expects each interaction's part of a history to be that of a register. @param where says so in the failure */
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
