// ISO 8601 date-times of a search's range, compared exactly; pure.

/** A moment: whole milliseconds since 1970-01-01T00:00:00Z, and the nanoseconds (0 to 999,999) beyond them. */
export interface Instant {
  readonly milliseconds: number
  readonly nanoseconds: number
}

const pattern =
  /^(?<date>\d{4}-\d{2}-\d{2})T(?<hour>\d{2}):(?<minute>\d{2})(?::(?<second>\d{2})(?:[.,](?<fraction>\d{0,9}))?)?(?:Z|(?<sign>[+-])(?<offsetHour>\d{2})(?::?(?<offsetMinute>\d{2}))?)$/i

/**
 * Reads a date-time with a zone: `Z` or an offset from UTC; seconds optional, 0 to 9 fraction digits (contract §6).
 * A `+` that was decoded to a space is taken as `+`.
 * @returns undefined when it is anything else, or no day of the calendar
 */
export function parseInstant(text: string): Instant | undefined {
  const parts = pattern.exec(text.replace(/ (?=\d{2}:?(?:\d{2})?$)/, '+'))?.groups
  if (parts === undefined) return undefined
  const { date = '', hour = '', minute = '', second = '00', fraction = '' } = parts
  const { sign = '+', offsetHour = '00', offsetMinute = '00' } = parts
  if (Number(offsetHour) > 18 || Number(offsetMinute) > 59) return undefined
  const local = Date.parse(`${date}T${hour}:${minute}:${second}Z`)
  // Date.parse takes 24:00 and rolls February 30 over into March
  if (Number.isNaN(local) || new Date(local).toISOString().slice(0, 13) !== `${date}T${hour}`)
    return undefined
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000 * (sign === '-' ? -1 : 1)
  const digits = fraction.padEnd(9, '0')
  return {
    milliseconds: local - offset + Number(digits.slice(0, 3)),
    nanoseconds: Number(digits.slice(3)),
  }
}

/** Below 0 when `a` is earlier than `b`, 0 when they are the same moment, else above 0. */
export function compareInstants(a: Instant, b: Instant): number {
  return a.milliseconds - b.milliseconds || a.nanoseconds - b.nanoseconds
}

/** The first millisecond that is not before the moment: a `createdAt`, having whole milliseconds, compares the same. */
export function firstMillisecond(instant: Instant): number {
  return instant.nanoseconds > 0 ? instant.milliseconds + 1 : instant.milliseconds
}

const earliest = Date.parse('0001-01-01T00:00:00Z')
const latest = Date.parse('9999-12-31T23:59:59.999Z')

/** The text that PostgreSQL reads as that millisecond; beyond the years 1 to 9999, as infinitely early or late. */
export function toTimestamp(milliseconds: number): string {
  if (milliseconds < earliest) return '-infinity'
  if (milliseconds > latest) return 'infinity'
  return new Date(milliseconds).toISOString()
}
