import { describe, expect, test } from 'vitest'
import { decodeCreate as create, decodeUpdate as update } from './support/decode.ts'

const nothing = { interactionId: undefined, type: undefined, data: undefined, organizationId: undefined }

describe('a body', () => {
  test('of a create gives its four members', () => {
    const body = '{"interactionId":"i-1","type":"video","data":{"a":1},"organizationId":"acme"}'
    const command = { interactionId: 'i-1', type: 'video', data: '{"a":1}', organizationId: 'acme' }

    expect(create(body)).toEqual({ command, errors: {}, wrong: [] })
  })

  test('of an update gives its three members', () => {
    const { command, errors } = update('{"type":"chat","data":{},"version":3}')

    expect(command).toEqual({ type: 'chat', data: '{}', version: 3n })
    expect(errors).toEqual({})
  })

  test.each([
    '{}',
    ' \n{ }\t',
    '{"interactionId":null,"type":null,"data":null,"organizationId":null}',
    '{"unknown":"x","other":{"data":{"a":1}},"Type":"x","more":["\\u0000"]}',
    '{"__proto__":{"type":"x","data":{}},"constructor":5,"toString":[]}',
  ])('%s gives none, and is valid', (body) => {
    expect(create(body)).toEqual({ command: nothing, errors: {}, wrong: [] })
    expect(update(body)).toEqual({
      command: { type: undefined, data: undefined, version: undefined },
      errors: {},
      wrong: [],
    })
  })

  test.each([
    undefined,
    ...[
      '',
      ' ',
      '[]',
      '[{}]',
      '5',
      'null',
      'true',
      '"{}"',
      '{',
      '{}}',
      '{} {}',
      '{"type":"a",}',
      '{type:"a"}',
    ],
    ...[
      "{'type':'a'}",
      '{"type":NaN}',
      '{"type":01}',
      '{"type":.5}',
      '{/**/}',
      '{"type":"a\nb"}',
      '\u0000',
      '\ufeff{}',
    ],
  ])('%j is refused as a whole', (body) => {
    expect(create(body)).toMatchObject({ command: undefined, wrong: ['body'] })
    expect(update(body).wrong).toEqual(['body'])
  })

  test('may have 1000 levels, but not 1001', () => {
    const nested = (levels: number) => `{"data":${'{"a":'.repeat(levels - 2)}{}${'}'.repeat(levels - 1)}`

    expect(create(nested(1000))).toMatchObject({ wrong: [], command: { data: nested(1000).slice(8, -1) } })
    expect(create(nested(1001)).wrong).toEqual(['body'])
    expect(update(nested(1000)).wrong).toEqual([])
    expect(update(nested(1001)).wrong).toEqual(['body'])
  })

  test.each(['[', '{"a":'])('is refused, and nothing crashes, with 100,000 times %s', (open) => {
    const close = open === '[' ? ']' : '}'
    const deep = `${open.repeat(100_000)}null${close.repeat(100_000)}`

    expect(create(`{"data":{"a":${deep}}}`).wrong).toEqual(['body'])
    expect(create(`{"unknown":${deep}}`).wrong).toEqual(['body'])
    expect(create(open.repeat(100_000)).wrong).toEqual(['body'])
  })

  test('names all its errors at once', () => {
    expect(create('{"interactionId":{},"type":[],"data":5,"organizationId":{}}').wrong).toEqual([
      'data',
      'interactionId',
      'organizationId',
      'type',
    ])
    expect(update('{"type":{},"data":"x","version":"x"}').wrong).toEqual(['data', 'type', 'version'])
  })

  test('counts the last of duplicate members', () => {
    expect(create('{"type":{},"type":"a","data":5,"data":{},"d\\u0061ta":{"b":1}}')).toMatchObject({
      command: { type: 'a', data: '{"b":1}' },
      wrong: [],
    })
    expect(create('{"type":"a","type":null}').command).toEqual(nothing)
  })
})

describe('data', () => {
  test.each([
    '{}',
    '{ "b" : 12345678901234567890 , "a":1.0, "a":1e400, "\\u00e9":"é😀\\ud83d\\ude00" }',
    '{"__proto__":{"x":1},"":[null,-0]}',
    '{"a":"\\\\u0000"}',
  ])('%s is kept as it stands', (data) => {
    expect(create(`{"data": ${data} ,"type":"a"}`)).toMatchObject({ command: { data }, wrong: [] })
    expect(update(`{"data":${data}}`)).toMatchObject({ command: { data }, wrong: [] })
  })

  test.each(['5', '1.5', 'true', 'false', '"{}"', '""', '[]', '[{}]'])('%s is refused', (data) => {
    expect(create(`{"data":${data}}`).wrong).toEqual(['data'])
    expect(update(`{"data":${data}}`).wrong).toEqual(['data'])
  })

  test.each(['{"a":"\\u0000"}', '{"\\u0000":1}', '{"a":{"b":["\\ud800"]}}', '{"a":"\\ude00\\ud83d"}'])(
    '%s is refused, saying that it cannot be stored',
    (data) => {
      expect(create(`{"data":${data}}`).errors.data).toContain('\\u0000')
      expect(update(`{"data":${data}}`).errors.data).toContain('surrogate')
    },
  )
})
