// Random JSON texts, with the values that a parser must find in them.
import fc from 'fast-check'

export interface JsonText {
  readonly text: string
  /** the nesting depth of objects and arrays */
  readonly depth: number
  /** every string and member name, unescaped */
  readonly strings: readonly string[]
}

export interface JsonObject extends JsonText {
  /** the name and the text of the value of each member, in order, with duplicates */
  readonly members: readonly (readonly [string, string])[]
}

const space = fc.array(fc.constantFrom(' ', '\n', '\r', '\t'), { maxLength: 2 }).map((all) => all.join(''))

const escapes = [
  ...['\\"', '\\\\', '\\/', '\\b', '\\n', '\\u0041', '\\u00e9', '\\\\u0000', '\\\\\\"', '\\\\ud800'],
  ...['\\u0000', '\\u0001', '\\ud83d', '\\ude00', '\\uD83D\\uDE00', '\\ud83d\\ude00', '\\uDBFF', '\\udc00'],
]
const delimiters = ['{', '}', '[', ']', ',', ':', ' ', 'null', '__proto__', 'data', '😀', 'u0000']

/** A string as JSON text. Its unescaped characters are well-formed, as in any body decoded from UTF-8. */
const string: fc.Arbitrary<JsonText> = fc
  .array(
    fc.oneof(
      fc.constantFrom(...escapes, ...delimiters),
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => JSON.stringify(text).slice(1, -1)),
    ),
    { maxLength: 4 },
  )
  .map((pieces) => `"${pieces.join('')}"`)
  .map((text) => ({ text, depth: 0, strings: [JSON.parse(text)] }))

const scalar: fc.Arbitrary<JsonText> = fc
  .constantFrom(
    'null',
    'true',
    'false',
    '0',
    '-0',
    '1.0',
    '1e10',
    '-1.5E+300',
    '12345678901234567890',
    '1e999',
  )
  .map((text) => ({ text, depth: 0, strings: [] }))

const { value, object } = fc.letrec<{ value: JsonText; array: JsonText; object: JsonObject }>((tie) => ({
  value: fc.oneof({ maxDepth: 5 }, scalar, string, tie('array'), tie('object')),
  array: fc
    .tuple(space, fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }))
    .map(([within, elements]) => {
      const texts = elements.map(([before, { text }, after]) => before + text + after)
      return nest(
        `[${within}${texts.join(',')}]`,
        elements.map(([, element]) => element),
      )
    }),
  object: fc
    .tuple(space, fc.array(fc.tuple(space, string, space, space, tie('value'), space), { maxLength: 4 }))
    .map(([within, parts]) => {
      const texts = parts.map(([a, name, b, c, { text }, d]) => `${a}${name.text}${b}:${c}${text}${d}`)
      const all = parts.flatMap(([, name, , , member]) => [name, member])
      const members = parts.map(([, name, , , { text }]) => [name.strings[0] ?? '', text] as const)
      return { ...nest(`{${within}${texts.join(',')}}`, all), members }
    }),
}))

function nest(text: string, within: readonly JsonText[]): JsonText {
  return {
    text,
    depth: 1 + Math.max(0, ...within.map((one) => one.depth)),
    strings: within.flatMap((one) => one.strings),
  }
}

export { object as jsonObject, space as jsonSpace, value as jsonValue }
