import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeUpdate } from './support/decode.ts'

function readVersion(json: string): { version: bigint | undefined; wrong: string[] } {
  const { command, wrong } = decodeUpdate(`{"version": ${json} }`)
  return { version: command?.version, wrong }
}

test.each([
  ['0', 0n],
  ['5', 5n],
  ['-0', 0n],
  ['-1', -1n],
  ['"5"', 5n],
  ['" 5 "', 5n],
  ['"\\t5\\n"', 5n],
  ['"+5"', 5n],
  ['"-5"', -5n],
  ['"007"', 7n],
  ['1.9', 1n],
  ['-1.9', -1n],
  ['0.5', 0n],
  ['-0.5', 0n],
  ['1e3', 1000n],
  ['1E+3', 1000n],
  ['1.5e1', 15n],
  ['1e-3', 0n],
  ['9007199254740992', 9_007_199_254_740_992n],
  ['9007199254740993', 9_007_199_254_740_993n],
  ['"9007199254740993"', 9_007_199_254_740_993n],
  ['9223372036854775807', 9_223_372_036_854_775_807n],
  ['"9223372036854775807"', 9_223_372_036_854_775_807n],
  ['-9223372036854775808', -9_223_372_036_854_775_808n],
  ['"-9223372036854775808"', -9_223_372_036_854_775_808n],
  ['9223372036854775807.0', 9_223_372_036_854_775_807n],
  ['9.223372036854775807e18', 9_223_372_036_854_775_807n],
  ['1e18', 1_000_000_000_000_000_000n],
])('a version of %s is %d', (json, version) => {
  expect(readVersion(json)).toEqual({ version, wrong: [] })
})

test.each(['null', '""', '" "', '"\\t"', '"null"', '" null "'])('a version of %s is none', (json) => {
  expect(readVersion(json)).toEqual({ version: undefined, wrong: [] })
})

test.each([
  ...[
    '"abc"',
    'true',
    'false',
    '{}',
    '{"a":5}',
    '[]',
    '[5]',
    '"true"',
    '"5x"',
    '"5 5"',
    '"0x5"',
    '"--5"',
    '"+"',
    '"NaN"',
  ],
  ...['"1.9"', '"1e3"', '"５"', '"5\\u0000"'],
  ...['9223372036854775808', '-9223372036854775809', '"9223372036854775808"', '"-9223372036854775809"'],
  ...['18446744073709551616', '99999999999999999999', '1e19', '-1e19', '1e400', '-1e400', '9.3e18'],
])('a version of %s is refused', (json) => {
  expect(readVersion(json)).toEqual({ version: undefined, wrong: ['version'] })
})

test('any number of 64 bits is a version with all its digits, and none beyond is', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }), fc.boolean(), (number, quoted) => {
      const fits = number >= -(2n ** 63n) && number < 2n ** 63n
      expect(readVersion(quoted ? `"${number}"` : `${number}`)).toEqual(
        fits ? { version: number, wrong: [] } : { version: undefined, wrong: ['version'] },
      )
    }),
  )
})

test('of any fraction that a number has, nothing counts', () => {
  fc.assert(
    fc.property(fc.integer(), fc.stringMatching(/^\d{1,5}$/), (whole, fraction) => {
      expect(readVersion(`${whole}.${fraction}`)).toEqual({ version: BigInt(whole), wrong: [] })
    }),
  )
})
