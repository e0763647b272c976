import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeUpdate } from './support/decode.ts'

function readVersion(json: string): { version: bigint | undefined; invalid: string[] } {
  const { command, invalid } = decodeUpdate(`{"version": ${json} }`)
  return { version: command?.version, invalid }
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
])('version %s is read as %d', (json, version) => {
  expect(readVersion(json)).toEqual({ version, invalid: [] })
})

test.each(['null', '""', '" "', '"\\t"', '"null"', '" null "'])('version %s means no version', (json) => {
  expect(readVersion(json)).toEqual({ version: undefined, invalid: [] })
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
])('version %s is rejected', (json) => {
  expect(readVersion(json)).toEqual({ version: undefined, invalid: ['version'] })
})

test('a 64-bit integer is read with all its digits, and a larger one is rejected', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 66n), max: 2n ** 66n }), fc.boolean(), (number, quoted) => {
      const fits = number >= -(2n ** 63n) && number < 2n ** 63n
      expect(readVersion(quoted ? `"${number}"` : `${number}`)).toEqual(
        fits ? { version: number, invalid: [] } : { version: undefined, invalid: ['version'] },
      )
    }),
  )
})

test('the fraction of a number is ignored', () => {
  fc.assert(
    fc.property(fc.integer(), fc.stringMatching(/^\d{1,5}$/), (whole, fraction) => {
      expect(readVersion(`${whole}.${fraction}`)).toEqual({ version: BigInt(whole), invalid: [] })
    }),
  )
})
