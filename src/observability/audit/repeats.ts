// Bounds how many lines others can cause: the first ones in a while are written, further ones are counted.

export interface RepeatLimits {
  readonly windowMs: number
  /** lines of one key in a window */
  readonly linesPerKey: number
  /** keys in a window; what others cause beyond is counted by event alone */
  readonly maxKeys: number
}

interface Repeats<Line> {
  /** the first line of the key; undefined: of many keys */
  readonly first: Line | undefined
  readonly event: string
  seen: number
}

export interface RepeatLimiter<Line> {
  /** Returns whether to write the line; counts it otherwise. */
  admits(event: string, key: string, line: Line): boolean
  /** Ends the window now: summarizes what was counted. */
  flush(): void
}

/**
 * Limits the lines of each event and key in windows of time, which start with their first line.
 * @param summarize receives what was counted at the end of a window, with the first line of the key; undefined: of many keys
 */
export function limitRepeats<Line>(
  { windowMs, linesPerKey, maxKeys }: RepeatLimits,
  summarize: (event: string, repeated: number, first: Line | undefined) => void,
): RepeatLimiter<Line> {
  const counts = new Map<string, Repeats<Line>>()
  const overflow = new Map<string, Repeats<Line>>()
  let window: NodeJS.Timeout | undefined

  const flush = () => {
    clearTimeout(window)
    window = undefined
    const all = [...counts.values(), ...overflow.values()]
    counts.clear()
    overflow.clear()
    for (const { event, first, seen } of all) {
      const repeated = first === undefined ? seen : seen - linesPerKey
      if (repeated > 0) summarize(event, repeated, first)
    }
  }

  const find = (event: string, key: string, line: Line): Repeats<Line> => {
    const ofKey = counts.get(`${event} ${key}`)
    if (ofKey !== undefined) return ofKey
    const isNew = counts.size < maxKeys
    const known = isNew ? undefined : overflow.get(event)
    if (known !== undefined) return known
    const repeats = { first: isNew ? line : undefined, event, seen: 0 }
    if (isNew) counts.set(`${event} ${key}`, repeats)
    else overflow.set(event, repeats)
    return repeats
  }

  return {
    admits(event, key, line) {
      window ??= setTimeout(flush, windowMs).unref()
      const repeats = find(event, key, line)
      repeats.seen++
      return repeats.first !== undefined && repeats.seen <= linesPerKey
    },
    flush,
  }
}
