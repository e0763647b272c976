import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  JsonMembers,
  JsonText,
  maximumMembers,
  memberOf,
  parseJsonObject,
} from '../../src/types/json-text.ts'
import { amount } from '../support/amount.ts'
import { readMembers } from '../support/json-members.ts'
import { jsonObject, jsonSpace, jsonValue } from './support/json-arbitrary.ts'

const runs = { numRuns: amount(1000) }

describe('the members of a JSON object', () => {
  test('are read with their exact text, together with the nesting depth', () => {
    fc.assert(
      fc.property(jsonSpace, jsonObject, jsonSpace, (before, { text, depth, members }, after) => {
        expect(readMembers(before + text + after)).toMatchObject({ members: new Map(members), depth })
      }),
      runs,
    )
  })

  test('have the names and values that JSON.parse finds', () => {
    fc.assert(
      fc.property(jsonObject, ({ text }) => {
        const read = [...(readMembers(text)?.members ?? [])].map(
          ([name, json]) => [name, JSON.parse(json)] as const,
        )
        expect(new Map(read)).toEqual(new Map(Object.entries(JSON.parse(text))))
      }),
      runs,
    )
  })

  test('are read from exactly the texts that JSON.parse takes for an object', () => {
    const fragment = fc.constantFrom(
      ...'{}[]",:\\ \n\t\u0000\u000b\u00a0\u2028-+.0123eEu/bfnrtalsé😀'.split(/(?:)/u),
    )
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      removed: fc.nat(3),
      added: fc.array(fragment, { maxLength: 3 }),
    })
    fc.assert(
      fc.property(jsonObject, fc.array(change, { maxLength: 3 }), ({ text }, changes) => {
        const changed = changes.reduce((before, { at, removed, added }) => {
          const index = Math.floor(at * before.length)
          return (before.slice(0, index) + added.join('') + before.slice(index + removed)).toWellFormed()
        }, text)
        expect([changed, readMembers(changed) !== undefined]).toEqual([changed, isJsonObject(changed)])
      }),
      { numRuns: amount(5000) },
    )
  })

  test.each([
    ...[
      '',
      '{',
      '}',
      '{}x',
      '{} {}',
      '{,}',
      '{"a":1,}',
      '{"a"}',
      '{"a":}',
      '{"a" 1}',
      '{a:1}',
      "{'a':1}",
      '{"a":1 "b":2}',
    ],
    ...[
      '01',
      '-',
      '+1',
      '1.',
      '.1',
      '1e',
      '1e+',
      '0x1',
      'NaN',
      'Infinity',
      'tru',
      'nul',
      'True',
      '[1,]',
      '[,1]',
      '[1',
      '[1}',
    ].map((value) => `{"a":${value}}`),
    ...[
      '"\n"',
      '"\t"',
      '"\\x"',
      '"\\u12g4"',
      '"\\u12',
      '"\\',
      '"a',
      '"a\u0000"',
      '/**/1',
      '1//',
      '\u00a01',
    ].map((value) => `{"a":${value}}`),
    ...[`"${'x'.repeat(100)}\n"`, `"${'x'.repeat(100)}\\q"`, `"${'x'.repeat(100)}`].map(
      (value) => `{"a":${value}}`,
    ),
    '\ufeff{}',
  ])('are not read from %j', (text) => {
    expect([isJsonObject(text), readMembers(text)]).toEqual([false, undefined])
  })

  test.each([
    ['é😀\u007f'.repeat(30)],
    ['x'.repeat(31)],
    ['x'.repeat(32)],
    ['x'.repeat(33)],
    ['\\n'.repeat(40)],
    [`${'x'.repeat(40)}\\"`],
  ])('are read from long strings such as %s', (text) => {
    expect(readMembers(`{"a":"${text}","b":1}`)?.members).toEqual(
      new Map([
        ['a', `"${text}"`],
        ['b', '1'],
      ]),
    )
  })

  test(`are read up to ${maximumMembers}, and no further`, () => {
    const object = (count: number, rest: string) => Buffer.from(`{${'"a":1,'.repeat(count - 1)}"a":1${rest}`)
    expect(parseJsonObject(object(maximumMembers, '}'))).toBeInstanceOf(JsonMembers)
    expect(parseJsonObject(object(maximumMembers + 1, '}'))).toBe('too many members')
    expect(parseJsonObject(object(maximumMembers, ',what follows is not read'))).toBe('too many members')
    expect(parseJsonObject(object(maximumMembers, ''))).toBeUndefined()
  })

  test('are undefined when the text is another JSON value', () => {
    fc.assert(
      fc.property(jsonSpace, jsonValue, (before, { text }) => {
        fc.pre(!text.startsWith('{'))
        expect(readMembers(before + text)).toBeUndefined()
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
    expect(readMembers(text)?.members).toEqual(new Map(members))
  })

  test.each([
    ['{}', 1],
    ['{"a":1}', 1],
    ['{"a":"[[["}', 1],
    ['{"a":[]}', 2],
    ['{"a":[[],{"b":{}}],"c":[]}', 4],
    ['{"a":[[[]]],"b":{}}', 4],
  ])('of %s are nested %i levels deep', (text, depth) => {
    expect(readMembers(text)?.depth).toBe(depth)
  })

  test('are read at a depth at which a recursive parser would overflow the stack', () => {
    const deep = 200_000
    expect(readMembers(`{"a":${'['.repeat(deep)}${']'.repeat(deep)}}`)?.depth).toBe(deep + 1)
  })

  test('are read in linear time', () => {
    const text = `{"a":"${'\\"'.repeat(200_000)}","b":"${'\\\\'.repeat(200_000)}"}`
    expect([...(readMembers(text)?.members.keys() ?? [])]).toEqual(['a', 'b'])
  })
})

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** Whether a value is known to have such an escape, when it is the value of the last of two members of one name. */
function hasUnstorableEscape(json: string): boolean | undefined {
  const members = readMembers(
    `{"before":["\\u0000"],"data":["\\ud800"],"data":[${json}],"after":["\\ude00"]}`,
  )
  const value = members && memberOf(members, 'data')
  return value instanceof JsonText ? value.isUnstorable : undefined
}

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
