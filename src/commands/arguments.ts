// Argument and option parsers that several commands share.
import { InvalidArgumentError } from 'commander'
import { identifierError } from '../types/identifier.ts'
import { firstMillisecond, parseInstant } from '../types/instant.ts'
import { scopePattern } from '../types/scope.ts'

/**
 * Parses an ISO 8601 date-time with a zone, or a date (midnight UTC).
 * @returns milliseconds since 1970, rounded up
 * @throws InvalidArgumentError for anything else
 */
export function readMoment(text: string): number {
  const instant = parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
  if (instant === undefined)
    throw new InvalidArgumentError(
      'It must be a date, such as 2025-01-20, or a date-time with a zone, such as 2025-01-20T22:00:00Z.',
    )
  return firstMillisecond(instant)
}

/**
 * Parses an identifier (contract §7).
 * @throws InvalidArgumentError when it is empty, too long, or contains a character that identifiers must not contain
 */
export function readIdentifier(text: string): string {
  const error = identifierError(text)
  if (error !== undefined) throw new InvalidArgumentError(`It ${error}.`)
  return text
}

/**
 * Returns a parser of whole numbers in a range.
 * @returns a function that throws InvalidArgumentError for anything else
 */
export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return (text: string) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}.`)
  }
}

/** of a unit, in seconds */
const durations = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/**
 * Parses a duration such as `90s`, `30m`, `24h` or `7d`.
 * @returns seconds, 1 to 31,536,000
 * @throws InvalidArgumentError for anything else
 */
export function readDuration(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,8})([smhd])$/.exec(text) ?? []
  const seconds = Number(count) * (Object.entries(durations).find(([name]) => name === unit)?.[1] ?? 0)
  if (seconds < 1 || seconds > 365 * durations.d)
    throw new InvalidArgumentError('It must be a duration of 1s to 365d, such as 90s, 30m, 24h or 7d.')
  return seconds
}

/**
 * Adds a scope to those of the options before it.
 * @throws InvalidArgumentError when it contains a space, a quote, a backslash or a character that is not ASCII
 */
export function addScope(text: string, before: readonly string[] = []): readonly string[] {
  if (!new RegExp(scopePattern).test(text))
    throw new InvalidArgumentError('It must be one scope, such as interactions:read.')
  return [...before, text]
}
