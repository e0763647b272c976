import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasUnstorableEscape, readJsonMembers } from '../../src/types/json-text.ts'
import { amount } from '../support/amount.ts'
import { jsonObject, jsonSpace, jsonValue } from './support/json-arbitrary.ts'

const runs = { numRuns: amount(1000) }

describe('the members of a JSON object', () => {
  test('are read with their exact text, together with the nesting depth', () => {
    fc.assert(
      fc.property(jsonSpace, jsonObject, jsonSpace, (before, { text, depth, members }, after) => {
        expect(readJsonMembers(before + text + after)).toEqual({ members: new Map(members), depth })
      }),
      runs,
    )
  })

  test('have the names and values that JSON.parse finds', () => {
    fc.assert(
      fc.property(jsonObject, ({ text }) => {
        const read = [...(readJsonMembers(text)?.members ?? [])].map(
          ([name, json]) => [name, JSON.parse(json)] as const,
        )
        expect(new Map(read)).toEqual(new Map(Object.entries(JSON.parse(text))))
      }),
      runs,
    )
  })

  test('are undefined when the text is another JSON value', () => {
    fc.assert(
      fc.property(jsonSpace, jsonValue, (before, { text }) => {
        fc.pre(!text.startsWith('{'))
        expect(readJsonMembers(before + text)).toBeUndefined()
      }),
    )
  })

  test.each<[string, [string, string][]]>([
    ['{}', []],
    [' { } ', []],
    ['{"a":1,"a":[2],"a":3}', [['a', '3']]],
    [
      '{"a":1,"b":2,"\\u0061":3}',
      [
        ['a', '3'],
        ['b', '2'],
      ],
    ],
    [
      '{"n":12345678901234567890,"f":1.0,"e":1E+10}',
      [
        ['n', '12345678901234567890'],
        ['f', '1.0'],
        ['e', '1E+10'],
      ],
    ],
    [
      '{"a" : { "b" : [ ] } , "c":null}',
      [
        ['a', '{ "b" : [ ] }'],
        ['c', 'null'],
      ],
    ],
    [
      '{"a":"}","b":"\\"","c":"\\\\"}',
      [
        ['a', '"}"'],
        ['b', '"\\""'],
        ['c', '"\\\\"'],
      ],
    ],
    [
      '{"__proto__":{"x":1},"constructor":2,"":3}',
      [
        ['__proto__', '{"x":1}'],
        ['constructor', '2'],
        ['', '3'],
      ],
    ],
  ])('of %s are read unchanged', (text, members) => {
    expect(readJsonMembers(text)?.members).toEqual(new Map(members))
  })

  test.each([
    ['{}', 1],
    ['{"a":1}', 1],
    ['{"a":"[[["}', 1],
    ['{"a":[]}', 2],
    ['{"a":[[],{"b":{}}],"c":[]}', 4],
    ['{"a":[[[]]],"b":{}}', 4],
  ])('of %s are nested %i levels deep', (text, depth) => {
    expect(readJsonMembers(text)?.depth).toBe(depth)
  })

  test('are read at a depth at which a recursive parser would overflow the stack', () => {
    const deep = 200_000
    expect(readJsonMembers(`{"a":${'['.repeat(deep)}${']'.repeat(deep)}}`)?.depth).toBe(deep + 1)
  })

  test('are read in linear time', () => {
    const text = `{"a":"${'\\"'.repeat(200_000)}","b":"${'\\\\'.repeat(200_000)}"}`
    expect([...(readJsonMembers(text)?.members.keys() ?? [])]).toEqual(['a', 'b'])
  })
})

describe('an escape that PostgreSQL cannot store', () => {
  test('is found exactly when a string or a name contains NUL or half of a surrogate pair', () => {
    fc.assert(
      fc.property(jsonValue, ({ text, strings }) => {
        expect(hasUnstorableEscape(text)).toBe(
          strings.some((one) => one.includes('\u0000') || !one.isWellFormed()),
        )
      }),
      { numRuns: amount(3000) },
    )
  })

  test.each([
    String.raw`{"a":"\u0000"}`,
    String.raw`{"\u0000":1}`,
    String.raw`["\\\u0000"]`,
    String.raw`["\ud800"]`,
    String.raw`["\udc00"]`,
    String.raw`["\ud83d \ude00"]`,
    String.raw`["\ud83dx\ude00"]`,
    String.raw`["\ud83d\n\ude00"]`,
    String.raw`["\ude00\ud83d"]`,
    String.raw`["\ud83d\ud83d\ude00"]`,
    String.raw`["\ud83d\ude00\ude00"]`,
    String.raw`["\ud83d","\ude00"]`,
    String.raw`["\uD83D😀"]`,
    String.raw`{"a":{"b":["\uDFFF"]}}`,
  ])('is found in %s', (json) => {
    expect(hasUnstorableEscape(json)).toBe(true)
  })

  test.each([
    '{}',
    '["😀"]',
    '["u0000"]',
    String.raw`["\\u0000"]`,
    String.raw`["\\\\ud800"]`,
    String.raw`["\u0001\u00e9\uffff"]`,
    String.raw`["\ud83d\ude00"]`,
    String.raw`["\uD83D\uDE00\uD83D\uDE00"]`,
    String.raw`{"\ud83d\ude00":"\n\ud83d\ude00\n"}`,
  ])('is not found in %s', (json) => {
    expect(hasUnstorableEscape(json)).toBe(false)
  })
})
