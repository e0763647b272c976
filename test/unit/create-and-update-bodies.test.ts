import { describe, expect, test } from 'vitest'
import { decodeCreate as create, decodeUpdate as update } from './support/decode.ts'

const noMembers = { interactionId: undefined, type: undefined, data: undefined, organizationId: undefined }

describe('a request body', () => {
  test('of a create has four members', () => {
    const body = '{"interactionId":"i-1","type":"video","data":{"a":1},"organizationId":"acme"}'
    const command = { interactionId: 'i-1', type: 'video', data: '{"a":1}', organizationId: 'acme' }

    expect(create(body)).toEqual({ command, errors: {}, invalid: [] })
  })

  test('of an update has three members', () => {
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
  ])('%s is valid and has no known members', (body) => {
    expect(create(body)).toEqual({ command: noMembers, errors: {}, invalid: [] })
    expect(update(body)).toEqual({
      command: { type: undefined, data: undefined, version: undefined },
      errors: {},
      invalid: [],
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
  ])('%j is rejected: it is not a JSON object', (body) => {
    expect(create(body)).toMatchObject({ command: undefined, invalid: ['body'] })
    expect(update(body).invalid).toEqual(['body'])
  })

  test('may be nested 1000 levels deep, but not 1001', () => {
    const nested = (levels: number) => `{"data":${'{"a":'.repeat(levels - 2)}{}${'}'.repeat(levels - 1)}`

    expect(create(nested(1000))).toMatchObject({ invalid: [], command: { data: nested(1000).slice(8, -1) } })
    expect(create(nested(1001)).invalid).toEqual(['body'])
    expect(update(nested(1000)).invalid).toEqual([])
    expect(update(nested(1001)).invalid).toEqual(['body'])
  })

  test.each(['[', '{"a":'])('with %s repeated 100,000 times is rejected without a crash', (open) => {
    const close = open === '[' ? ']' : '}'
    const deep = `${open.repeat(100_000)}null${close.repeat(100_000)}`

    expect(create(`{"data":{"a":${deep}}}`).invalid).toEqual(['body'])
    expect(create(`{"unknown":${deep}}`).invalid).toEqual(['body'])
    expect(create(open.repeat(100_000)).invalid).toEqual(['body'])
  })

  test('gets the errors of all members at once', () => {
    expect(create('{"interactionId":{},"type":[],"data":5,"organizationId":{}}').invalid).toEqual([
      'data',
      'interactionId',
      'organizationId',
      'type',
    ])
    expect(update('{"type":{},"data":"x","version":"x"}').invalid).toEqual(['data', 'type', 'version'])
    const deep = `${'['.repeat(1000)}${']'.repeat(1000)}`
    expect(create(`{"type":[],"unknown":${deep}}`).invalid).toEqual(['body', 'type'])
  })

  test('uses the last of duplicate members', () => {
    expect(create('{"type":{},"type":"a","data":5,"data":{},"d\\u0061ta":{"b":1}}')).toMatchObject({
      command: { type: 'a', data: '{"b":1}' },
      invalid: [],
    })
    expect(create('{"type":"a","type":null}').command).toEqual(noMembers)
  })
})

describe('data', () => {
  test.each([
    '{}',
    '{ "b" : 12345678901234567890 , "a":1.0, "a":1e400, "\\u00e9":"é😀\\ud83d\\ude00" }',
    '{"__proto__":{"x":1},"":[null,-0]}',
    '{"a":"\\\\u0000"}',
  ])('%s is kept unchanged', (data) => {
    expect(create(`{"data": ${data} ,"type":"a"}`)).toMatchObject({ command: { data }, invalid: [] })
    expect(update(`{"data":${data}}`)).toMatchObject({ command: { data }, invalid: [] })
  })

  test.each(['5', '1.5', 'true', 'false', '"{}"', '""', '[]', '[{}]'])('%s is rejected', (data) => {
    expect(create(`{"data":${data}}`).invalid).toEqual(['data'])
    expect(update(`{"data":${data}}`).invalid).toEqual(['data'])
  })

  test.each(['{"a":"\\u0000"}', '{"\\u0000":1}', '{"a":{"b":["\\ud800"]}}', '{"a":"\\ude00\\ud83d"}'])(
    '%s is rejected with an error that names the characters that cannot be stored',
    (data) => {
      expect(create(`{"data":${data}}`).errors.data).toContain('\\u0000')
      expect(update(`{"data":${data}}`).errors.data).toContain('surrogate')
    },
  )
})
