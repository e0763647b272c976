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
  /^(?<year>\d{4}|\+\d{5,6}|-\d{4,6})-(?<day>\d{2}-\d{2})T(?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{0,9}))?)?(?:Z|(?<sign>[+-])(?<offsetHour>\d{2})(?::?(?<offsetMinute>\d{2}))?)(?:\[[\w/+:~-]+\])?$/i

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

/** The calendar repeats itself after 400 years, which have 146,097 days. */
const cycle = { years: 400, milliseconds: 146_097 * dayMs }

/** The range of a JavaScript date around 1970, in milliseconds: far beyond what PostgreSQL's timestamps hold here. */
const maximum = 8_640_000_000_000_000

const maximumOffsetMinutes = 18 * 60

/**
 * Parses a date-time with a zone (`Z` or an offset from UTC, up to ±18:00), optional seconds and 0 to 9 fraction digits.
 * A year has four digits, or up to six with a sign; `24:00` is the end of its day. The id of a zone behind the offset, as
 * Java writes it, is not looked at. A `+` that was decoded to a space is taken as `+`.
 * @returns undefined for anything else, and for a day that the calendar does not have
 */
export function parseInstant(text: string): Instant | undefined {
  const parts = pattern.exec(withPlus(text))?.groups
  if (parts === undefined) return undefined
  const { year = '', day = '', hour = '', minute = '', second = '00', fraction = '' } = parts
  const { sign = '+', offsetHour = '00', offsetMinute = '00' } = parts
  const offset = Number(offsetHour) * 60 + Number(offsetMinute)
  if (offset > maximumOffsetMinutes || Number(offsetMinute) > 59) return undefined
  const midnight = parseDay(Number(year), day)
  const time = parseTime(hour, minute, second)
  const digits = fraction.padEnd(9, '0')
  const isBeyondDay = time === dayMs && Number(digits) > 0
  if (midnight === undefined || time === undefined || isBeyondDay) return undefined
  const milliseconds =
    midnight + time - offset * minuteMs * (sign === '-' ? -1 : 1) + Number(digits.slice(0, 3))
  const isInRange = Math.abs(milliseconds) <= maximum
  return {
    milliseconds: isInRange ? milliseconds : Math.sign(milliseconds) * maximum,
    nanoseconds: isInRange ? Number(digits.slice(3)) : 0,
  }
}

/** Turns spaces back into the `+` that they were before a form was decoded: of the year, and of the offset. */
function withPlus(text: string): string {
  return text.replace(/^ (?=\d{5,6}-)/, '+').replace(/ (?=\d{2}:?(?:\d{2})?(?:\[|$))/, '+')
}

/** Returns the milliseconds from 1970 to the midnight at which a day begins; undefined for a day that does not exist. */
function parseDay(year: number, monthAndDay: string): number | undefined {
  // a year of the same calendar that JavaScript parses; it turns February 30 into March 2
  const cycles = Math.floor(year / cycle.years)
  const parsed = new Date(`${2000 + year - cycles * cycle.years}-${monthAndDay}T00:00:00Z`)
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString().slice(5, 10) !== monthAndDay) return undefined
  return parsed.getTime() + (cycles - 5) * cycle.milliseconds
}

/** Returns the milliseconds since midnight; 24:00 is the whole day. */
function parseTime(hour: string, minute: string, second: string): number | undefined {
  const time = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000
  return Number(minute) > 59 || Number(second) > 59 || time > dayMs ? undefined : time
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
