import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareInstants,
  firstMillisecond,
  type Instant,
  parseInstant,
  toTimestamp,
} from '../../src/types/instant.ts'
import { amount } from '../support/amount.ts'

const at = (milliseconds: number, nanoseconds = 0): Instant => ({ milliseconds, nanoseconds })
const tenAtNight = Date.UTC(2025, 0, 20, 22)

describe('a date-time with a zone', () => {
  test.each([
    ['2025-01-20T22:00:00.928Z', at(tenAtNight + 928)],
    ['2025-01-20T22:00:00Z', at(tenAtNight)],
    ['2025-01-20T22:00Z', at(tenAtNight)],
    ['2025-01-20t22:00:00z', at(tenAtNight)],
    ['2025-01-20T22:00:00.1Z', at(tenAtNight + 100)],
    ['2025-01-20T22:00:00.000001Z', at(tenAtNight, 1000)],
    ['2025-01-20T22:00:00.928123456Z', at(tenAtNight + 928, 123_456)],
    ['2025-01-20T22:00:00.999999999Z', at(tenAtNight + 999, 999_999)],
    ['2025-01-21T00:00:00+02:00', at(tenAtNight)],
    ['2025-01-20T14:30:00-07:30', at(tenAtNight)],
    ['2025-01-21T00:00:00.5 02:00', at(tenAtNight + 500)],
    ['2025-01-21T00:00:00+02', at(tenAtNight)],
    ['2025-01-21T00:00:00 02', at(tenAtNight)],
    ['2025-01-20T22:00:00-00:00', at(tenAtNight)],
    ['2025-01-21T16:00:00+18:00', at(tenAtNight)],
    ['2024-02-29T00:00:00Z', at(Date.UTC(2024, 1, 29))],
    ['1969-12-31T23:59:59.5Z', at(-500)],
    ['1969-12-31T23:59:59.999999999Z', at(-1, 999_999)],
    ['0000-01-01T00:00:00Z', at(-62_167_219_200_000)],
    ['0000-01-01T00:00:00+18:00', at(-62_167_219_200_000 - 18 * 3_600_000)],
    ['9999-12-31T23:59:59.999Z', at(253_402_300_799_999)],
    ['2025-01-20T24:00:00Z', at(Date.UTC(2025, 0, 21))],
    ['2024-12-31T24:00+00:00', at(Date.UTC(2025, 0, 1))],
    ['2025-01-20T23:00+01:00[Europe/Paris]', at(tenAtNight)],
    ['2025-01-20T23:00 01:00[Europe/Paris]', at(tenAtNight)],
    ['2025-01-20T22:00:00.5Z[UTC]', at(tenAtNight + 500)],
    ['2025-01-20T22:00Z[Etc/GMT+1]', at(tenAtNight)],
    ['+002025-01-20T22:00:00Z', at(tenAtNight)],
    [' 002025-01-20T22:00:00Z', at(tenAtNight)],
    ['+12025-01-20T22:00:00Z', at(Date.parse('+012025-01-20T22:00:00Z'))],
    ['-0001-02-28T00:00:00Z', at(Date.parse('-000001-02-28T00:00:00Z'))],
    ['-000004-02-29T00:00:00Z', at(Date.parse('-000004-02-29T00:00:00Z'))],
    ['-271821-04-20T00:00:00Z', at(-8.64e15)],
    ['+275760-09-13T00:00:00.000Z', at(8.64e15)],
    ['+275760-09-13T00:00:00.000000001Z', at(8.64e15, 1)],
    ['+275760-09-13T00:00:01Z', at(8.64e15)],
    ['+999999-02-28T00:00:00Z', at(8.64e15)],
    ['-999999-12-31T00:00:00Z', at(-8.64e15)],
    ['9999-12-31T23:59:59.999-18:00', at(253_402_300_799_999 + 18 * 3_600_000)],
  ])('%s is parsed', (text, instant) => {
    expect(parseInstant(text)).toEqual(instant)
  })

  test.each([
    ['an empty text', ''],
    ['a blank', ' '],
    ['the 30th of February', '2025-02-30T00:00:00Z'],
    ['the 29th of February in a common year', '2025-02-29T00:00:00Z'],
    ['the 31st of April', '2025-04-31T00:00:00+02:00'],
    ['day 0', '2025-01-00T00:00:00Z'],
    ['day 32', '2025-01-32T00:00:00Z'],
    ['month 0', '2025-00-01T00:00:00Z'],
    ['month 13', '2025-13-01T00:00:00Z'],
    ['hour 25', '2025-01-20T25:00:00Z'],
    ['minute 60', '2025-01-20T22:60:00Z'],
    ['second 60', '2016-12-31T23:59:60Z'],
    ['a second after the end of a day', '2025-01-20T24:00:01Z'],
    ['a nanosecond after the end of a day', '2025-01-20T24:00:00.000000001Z'],
    ['the 29th of February of the year 12025', '+12025-02-29T00:00:00Z'],
    ['the 29th of February of the year 999999', '+999999-02-29T00:00:00Z'],
    ['a year of seven digits', '+1002025-01-20T22:00:00Z'],
    ['a year of four digits with a plus', '+2025-01-20T22:00:00Z'],
    ['a zone without an offset', '2025-01-20T22:00:00[Europe/Paris]'],
    ['an empty zone', '2025-01-20T22:00:00Z[]'],
    ['an unclosed zone', '2025-01-20T22:00:00Z[UTC'],
    ['an offset of 18 hours and a minute', '2025-01-20T22:00:00+18:01'],
    ['an offset of 19 hours', '2025-01-20T22:00:00+19:00'],
    ['an offset of 60 minutes', '2025-01-20T22:00:00+02:60'],
    ['half an offset', '2025-01-20T22:00:00+02:'],
    ['no zone', '2025-01-20T22:00:00'],
    ['no zone, but a fraction', '2025-01-20T22:00:00.928'],
    ['two zones', '2025-01-20T22:00:00Z+02:00'],
    ['only a date', '2025-01-20'],
    ['a date and a zone', '2025-01-20Z'],
    ['a date and an hour', '2025-01-20T22Z'],
    ['a space instead of T', '2025-01-20 22:00:00Z'],
    ['ten fraction digits', '2025-01-20T22:00:00.1234567890Z'],
    ['a year of two digits', '25-01-20T22:00:00Z'],
    ['a year of five digits', '12025-01-20T22:00:00Z'],
    ['a month of one digit', '2025-1-20T22:00:00Z'],
    ['epoch milliseconds', '1737410400928'],
    ['epoch seconds', '1737410400'],
    ['a year', '2025'],
    ['RFC 1123', 'Mon, 20 Jan 2025 22:00:00 GMT'],
    ['a leading space', ' 2025-01-20T22:00:00Z'],
    ['a trailing space', '2025-01-20T22:00:00Z '],
    ['a trailing line break', '2025-01-20T22:00:00Z\n'],
    ['a trailing NUL', '2025-01-20T22:00:00Z\u0000'],
    ['full-width digits', '２０２５-01-20T22:00:00Z'],
    ['infinity', 'infinity'],
    ['a word', 'now'],
  ])('is not parsed from %s', (_what, text) => {
    expect(parseInstant(text)).toBeUndefined()
  })

  test('is the same instant with any offset, any number of fraction digits and any letter case', () => {
    const moment = fc.record({
      second: fc.integer({ min: Date.UTC(1, 0, 2) / 1000, max: Date.UTC(9999, 11, 30) / 1000 }),
      fraction: fc.stringMatching(/^\d{0,9}$/),
      offset: fc.integer({ min: -18 * 60, max: 18 * 60 }),
      plus: fc.constantFrom('+', ' '),
      lower: fc.boolean(),
    })
    fc.assert(
      fc.property(moment, ({ second, fraction, offset, plus, lower }) => {
        const local = new Date((second + offset * 60) * 1000).toISOString().slice(0, 19)
        const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
        const sign = offset < 0 ? '-' : plus
        const zone = offset === 0 ? 'Z' : `${sign}${pad(hours)}:${pad(minutes)}`
        const text = `${local}${fraction && `.${fraction}`}${zone}`

        const instant = parseInstant(lower ? text.toLowerCase() : text)

        expect(instant && nanosecondsOf(instant)).toBe(
          BigInt(second) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0')),
        )
      }),
      { numRuns: amount(1000) },
    )
  })

  test('is either rejected or parsed exactly', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,10})?(Z|[+-]\d\d:\d\d)$/),
        (text) => {
          const instant = parseInstant(text)
          if (instant === undefined) return
          // at the same offset, Date must show the same date and time as the text
          const offset = text.endsWith('Z') ? '+00:00' : text.slice(-6)
          const minutes =
            Number(`${offset[0]}1`) * (Number(offset.slice(1, 3)) * 60 + Number(offset.slice(4)))
          const shown = new Date(instant.milliseconds + minutes * 60_000).toISOString()
          expect(shown.slice(0, 19)).toBe(text.slice(0, 19))
          expect(instant.nanoseconds).toBeGreaterThanOrEqual(0)
          expect(instant.nanoseconds).toBeLessThan(1_000_000)
        },
      ),
      { numRuns: amount(1000) },
    )
  })
})

const near = fc.record({
  milliseconds: fc.integer({ min: -3, max: 3 }),
  nanoseconds: fc.oneof(fc.constantFrom(0, 1, 999_999), fc.integer({ min: 0, max: 999_999 })),
})

test('instants are compared by nanoseconds', () => {
  fc.assert(
    fc.property(near, near, (a, b) => {
      const difference = nanosecondsOf(a) - nanosecondsOf(b)
      expect(Math.sign(compareInstants(a, b))).toBe(difference > 0n ? 1 : difference < 0n ? -1 : 0)
    }),
    { numRuns: amount(1000) },
  )
})

test('a range rounded to milliseconds contains the same whole milliseconds as the range in nanoseconds', () => {
  fc.assert(
    fc.property(near, near, fc.integer({ min: -5, max: 5 }), (start, end, createdAt) => {
      const created = BigInt(createdAt) * 1_000_000n
      expect(firstMillisecond(start) <= createdAt).toBe(nanosecondsOf(start) <= created)
      expect(createdAt <= end.milliseconds).toBe(created <= nanosecondsOf(end))
    }),
    { numRuns: amount(1000) },
  )
})

test.each([
  ['0000-12-31T23:59:59.999Z', '-infinity'],
  ['0000-01-01T00:00:00+18:00', '-infinity'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ['0000-12-31T22:00:00-02:00', '0001-01-01T00:00:00.000Z'],
  ['2025-01-20T22:00:00.928Z', '2025-01-20T22:00:00.928Z'],
  ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
  ['9999-12-31T23:59:59.999-00:01', 'infinity'],
])('%s becomes %s for PostgreSQL', (text, timestamp) => {
  expect(toTimestamp(parseInstant(text)?.milliseconds ?? Number.NaN)).toBe(timestamp)
})

function nanosecondsOf({ milliseconds, nanoseconds }: Instant): bigint {
  return BigInt(milliseconds) * 1_000_000n + BigInt(nanoseconds)
}

function pad(number: number): string {
  return String(number).padStart(2, '0')
}
