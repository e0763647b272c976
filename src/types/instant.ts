// Moments in ISO 8601, compared to the nanosecond (contract §6).
import type { SchemaOptions } from '@sinclair/typebox'
import { Decoded, InvalidValue, toValues } from './decoded.ts'

/** A date-time with a zone. Decodes to an Instant; a repeated parameter counts once, its first value. */
export const DateTime = (options: SchemaOptions) =>
  Decoded({ type: 'string', format: 'date-time', ...options }, (given) => {
    const instant = parseInstant(toValues(given)[0] ?? '')
    if (instant !== undefined) return instant
    throw new InvalidValue('must be an ISO 8601 date-time with a zone, such as 2025-01-20T22:00:00.928Z')
  })

/** A moment: whole milliseconds since 1970-01-01T00:00:00Z, and the nanoseconds (0 to 999,999) beyond them. */
export interface Instant {
  readonly milliseconds: number
  readonly nanoseconds: number
}

const pattern =
  /^(?<date>\d{4}-\d{2}-\d{2})T(?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{0,9}))?)?(?:Z|(?<sign>[+-])(?<offsetHour>\d{2})(?::?(?<offsetMinute>\d{2}))?)$/i

/**
 * Parses a date-time with a zone (`Z` or an offset from UTC, up to ±18:00), optional seconds and 0 to 9 fraction digits.
 * A `+` that was decoded to a space is taken as `+`.
 * @returns undefined for anything else, and for a day that the calendar does not have
 */
export function parseInstant(text: string): Instant | undefined {
  const parts = pattern.exec(text.replace(/ (?=\d{2}:?(?:\d{2})?$)/, '+'))?.groups
  if (parts === undefined) return undefined
  const { date = '', hour = '', minute = '', second = '00', fraction = '' } = parts
  const { sign = '+', offsetHour = '00', offsetMinute = '00' } = parts
  if (Number(offsetHour) > 18 || Number(offsetMinute) > 59) return undefined
  const local = Date.parse(`${date}T${hour}:${minute}:${second}Z`)
  // Date.parse accepts 24:00 and turns February 30 into March 2
  if (Number.isNaN(local) || new Date(local).toISOString().slice(0, 13) !== `${date}T${hour}`)
    return undefined
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === '-' ? -1 : 1)
  const digits = fraction.padEnd(9, '0')
  return {
    milliseconds: local - offset + Number(digits.slice(0, 3)),
    nanoseconds: Number(digits.slice(3)),
  }
}

/** Returns a number below 0 when `a` is earlier than `b`, 0 when both are the same moment, else above 0. */
export function compareInstants(a: Instant, b: Instant): number {
  return a.milliseconds - b.milliseconds || a.nanoseconds - b.nanoseconds
}

/** Returns the first millisecond at or after the moment: all `createdAt` are whole milliseconds. */
export function firstMillisecond(instant: Instant): number {
  return instant.nanoseconds > 0 ? instant.milliseconds + 1 : instant.milliseconds
}

const earliest = Date.parse('0001-01-01T00:00:00Z')
const latest = Date.parse('9999-12-31T23:59:59.999Z')

/** Returns a PostgreSQL timestamp; beyond the years 1 to 9999, `-infinity` or `infinity`. */
export function toTimestamp(milliseconds: number): string {
  if (milliseconds < earliest) return '-infinity'
  if (milliseconds > latest) return 'infinity'
  return new Date(milliseconds).toISOString()
}
