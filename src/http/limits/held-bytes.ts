// Bounds memory that is held for clients: bytes are counted by holder, so that no holder takes the memory of others.

export interface HeldBytesLimits {
  /** of all holders together, in bytes */
  readonly limitBytes: number
  /** of one holder, in bytes; at most half of `limitBytes` by default */
  readonly holderLimitBytes?: number
}

/** What is in memory for one request or response. It counts until `release`. */
export interface Holding {
  /**
   * Changes its size, and drops other holdings if they must make room.
   * @returns false if there is no room; nothing is changed then, and it is up to the caller to refuse its client
   */
  resize(bytes: number): boolean
  /** Records that its client has sent or read something just now. */
  recordProgress(): void
  /** Stops counting it. Calls after the first have no effect. */
  release(): void
}

export interface HeldBytes {
  /**
   * Adds a holding of 0 bytes.
   * @param holder who answers for it: an organization, a user, an address
   * @param drop frees the memory; called at most once, when others need the room
   */
  hold(holder: string, drop: () => void): Holding
  /** the bytes of all holdings */
  total(): number
}

/** A holding without progress for this long gives way, in milliseconds. */
const stalledAfterMs = 5_000

interface Entry {
  readonly holder: Holder
  readonly drop: () => void
  bytes: number
  /** on the clock of `performance.now()`, in milliseconds */
  progressedAt: number
}

interface Holder {
  readonly name: string
  bytes: number
  /** the one without progress for longest first */
  readonly entries: Set<Entry>
}

/**
 * Counts bytes by holder. When a limit is reached, the holder that has the most loses the holding that has made no
 * progress for longest. Holdings that have made progress lately stay: the newcomer gets no room instead. Only where
 * that would let one holder keep a smaller one out, the larger one loses a holding all the same, but not its last one.
 */
export function limitHeldBytes({
  limitBytes,
  holderLimitBytes = Math.ceil(limitBytes / 2),
}: HeldBytesLimits): HeldBytes {
  const holders = new Map<string, Holder>()
  let total = 0

  const change = (entry: Entry, bytes: number) => {
    total += bytes - entry.bytes
    entry.holder.bytes += bytes - entry.bytes
    entry.bytes = bytes
  }

  const remove = (entry: Entry) => {
    const { holder } = entry
    if (!holder.entries.delete(entry)) return
    change(entry, 0)
    if (holder.entries.size === 0) holders.delete(holder.name)
  }

  /** Drops the first holding other than `newcomer` that gives way. @returns whether there was one */
  const dropOne = (from: Holder | undefined, newcomer: Entry, wanted: number) => {
    if (from === undefined) return false
    const first = firstOther(from, newcomer)
    if (first === undefined) return false
    const isStalled = performance.now() - first.progressedAt >= stalledAfterMs
    const keepsOut = from.entries.size > 1 && from.bytes > newcomer.holder.bytes + wanted
    if (!isStalled && !keepsOut) return false
    remove(first)
    first.drop()
    return true
  }

  /** Drops one of the largest holder, or of any other if that keeps all. @returns whether there was one */
  const dropAny = (newcomer: Entry, wanted: number) => {
    if (dropOne(largestOf(holders), newcomer, wanted)) return true
    for (const holder of holders.values()) if (dropOne(holder, newcomer, wanted)) return true
    return false
  }

  const makeRoom = (newcomer: Entry, wanted: number) => {
    const { holder } = newcomer
    while (holder.bytes + wanted > holderLimitBytes) if (!dropOne(holder, newcomer, wanted)) return false
    while (total + wanted > limitBytes) if (!dropAny(newcomer, wanted)) return false
    return true
  }

  return {
    hold(name, drop) {
      const holder = holders.get(name) ?? { name, bytes: 0, entries: new Set() }
      holders.set(name, holder)
      const entry: Entry = { holder, drop, bytes: 0, progressedAt: performance.now() }
      holder.entries.add(entry)
      return {
        resize(bytes) {
          if (!holder.entries.has(entry)) return false
          const wanted = bytes - entry.bytes
          if (wanted > 0 && !makeRoom(entry, wanted)) return false
          change(entry, bytes)
          return true
        },
        recordProgress() {
          if (!holder.entries.delete(entry)) return
          holder.entries.add(entry)
          entry.progressedAt = performance.now()
        },
        release: () => remove(entry),
      }
    },
    total: () => total,
  }
}

function largestOf(holders: ReadonlyMap<string, Holder>): Holder | undefined {
  let largest: Holder | undefined
  for (const holder of holders.values()) if (holder.bytes > (largest?.bytes ?? -1)) largest = holder
  return largest
}

function firstOther({ entries }: Holder, entry: Entry): Entry | undefined {
  for (const one of entries) if (one !== entry) return one
  return undefined
}
