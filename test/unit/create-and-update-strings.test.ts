import { describe, expect, test } from 'vitest'
import { identifierError } from '../../src/types/identifier.ts'
import { decodeCreate as create, decodeUpdate as update } from './support/decode.ts'

describe.each(['interactionId', 'type', 'organizationId'] as const)('%s', (name) => {
  test.each([
    ['"video"', 'video'],
    ['"v\\u00efd\\"eo\\n"', 'vïd"eo\n'],
    ['"null"', 'null'],
    ['" "', ' '],
    ['5', '5'],
    ['-0', '-0'],
    ['1.0', '1.0'],
    ['1E+10', '1E+10'],
    ['12345678901234567890', '12345678901234567890'],
    ['0.10000000000000000000000001', '0.10000000000000000000000001'],
    ['true', 'true'],
    ['false', 'false'],
    ['"\\ud83d\\ude00"', '😀'],
    ['null', undefined],
  ])('given as %s is read as %j', (json, value) => {
    const { command, errors } = create(`{"${name}" : ${json} }`)

    expect(command[name]).toBe(value)
    expect(errors).toEqual({})
  })

  test.each(['x', '😀', '\\ud83d\\ude00'])('may be %s repeated 255 times', (character) => {
    const { command, errors } = create(`{"${name}":"${character.repeat(255)}"}`)

    expect([...(command[name] ?? '')]).toHaveLength(255)
    expect(errors).toEqual({})
  })

  test.each(['{}', '{"a":1}', '[]', '["a"]'])('must not be %s', (json) => {
    expect(create(`{"${name}":${json}}`).invalid).toEqual([name])
  })
})

describe.each(['interactionId', 'type'] as const)('%s', (name) => {
  test.each(['"a\\u0000"', '"\\ud83d"', '"\\ude00x"', '"\\ude00\\ud83d"'])('must not be %s', (json) => {
    expect(create(`{"${name}":${json}}`).invalid).toEqual([name])
  })

  test.each(['x', '😀'])('must not be %s repeated 256 times', (character) => {
    expect(create(`{"${name}":"${character.repeat(256)}"}`).invalid).toEqual([name])
  })

  test('must not be a number of 256 digits', () => {
    expect(create(`{"${name}":${'9'.repeat(256)}}`).invalid).toEqual([name])
  })
})

test('interactionId must be a segment of a path', () => {
  for (const id of ['', '.', '..'])
    expect(create(JSON.stringify({ interactionId: id })).invalid).toEqual(['interactionId'])
  for (const id of ['...', '.x', '/', '%2E'])
    expect(create(JSON.stringify({ interactionId: id })).command).toMatchObject({ interactionId: id })
})

test('an empty type is no type', () => {
  expect(create('{"type":""}')).toMatchObject({ invalid: [], command: { type: undefined } })
})

test('type is checked in an update as in a create', () => {
  expect(update('{"type":5}').command.type).toBe('5')
  expect(update('{"type":""}')).toMatchObject({ invalid: [], command: { type: undefined } })
})

test.each(['', 'a\u0000', 'x'.repeat(256)])(
  'organizationId is not checked by the schema: only the organizationId of a SERVICE is used',
  (text) => {
    const { command, errors } = create(JSON.stringify({ organizationId: text }))

    expect(command.organizationId).toBe(text)
    expect(errors).toEqual({})
  },
)

test.each([
  ['no characters', '', 'must have 1 to 255 characters'],
  ['a million characters', 'x'.repeat(1_000_000), 'must have 1 to 255 characters'],
  ['NUL', 'a\u0000b', 'must not contain NUL or half of a surrogate pair'],
  ['half of a surrogate pair', '\ud83d', 'must not contain NUL or half of a surrogate pair'],
  ['special characters', 'a/b c%ä😀', undefined],
  ['255 surrogate pairs', '😀'.repeat(255), undefined],
])('identifierError checks an identifier of %s', (_what, value, error) => {
  expect(identifierError(value)).toBe(error)
})
