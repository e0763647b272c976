// Chooses the items of a batch, so that each holder has its turn.

export interface Weighed {
  /** whose item it is */
  readonly holder: string
  readonly weight: number
}

/** Returns the total weight of items. */
export const weightOf = (items: readonly Weighed[]) => items.reduce((sum, { weight }) => sum + weight, 0)

/**
 * Returns a function that takes items of each holder in turn, in rounds, until the batch is full. The holders whose last
 * turn was longest ago go first. An item that is too heavy for any batch is taken alone.
 */
export function turnTaker<One extends Weighed>(
  maxSize: number,
  maxWeight: number,
): (waiting: readonly One[]) => readonly One[] {
  /** holders that still had items after their turn, the one whose turn was longest ago first */
  const served = new Set<string>()

  return (waiting: readonly One[]): readonly One[] => {
    const [first] = waiting
    if (
      first !== undefined &&
      waiting.every(({ holder, weight }) => holder === first.holder && weight === 0)
    ) {
      served.clear()
      served.add(first.holder)
      return waiting.slice(0, maxSize)
    }
    const queues = new Map<string, One[]>()
    for (const one of waiting) {
      const own = queues.get(one.holder)
      if (own === undefined) queues.set(one.holder, [one])
      else own.push(one)
    }
    for (const holder of served) {
      const own = queues.get(holder)
      queues.delete(holder)
      if (own === undefined) served.delete(holder)
      else queues.set(holder, own)
    }
    const taken: One[] = []
    let weight = 0
    for (let round = 0; queues.size > 0 && taken.length < maxSize; round++)
      for (const [holder, own] of queues) {
        const one = own[round]
        if (one === undefined || (taken.length > 0 && weight + one.weight > maxWeight)) {
          queues.delete(holder)
          continue
        }
        taken.push(one)
        weight += one.weight
        served.delete(holder)
        served.add(holder)
        if (taken.length === maxSize) break
      }
    return taken
  }
}

/** Divides a batch by holders, the one with the fewest items first; a batch of one holder into its items. */
export function divide<One extends Weighed>(batched: readonly One[]): One[][] {
  const parts = new Map<string, One[]>()
  for (const one of batched) parts.set(one.holder, [...(parts.get(one.holder) ?? []), one])
  if (parts.size === 1) return batched.map((one) => [one])
  return [...parts.values()].toSorted((a, b) => a.length - b.length)
}
