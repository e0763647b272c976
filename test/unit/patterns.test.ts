// The patterns of the OpenAPI document, by which generated clients check values: they must accept what the service does.
import { type TSchema, Type } from '@sinclair/typebox'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileObject } from '../../src/http/validation.ts'
import { EntityTags } from '../../src/interactions/preconditions.ts'
import { InteractionQuery } from '../../src/interactions/schemas.ts'

const { recording, sort, onHoldDurationGt } = InteractionQuery.properties

const types: Readonly<Record<string, { type: TSchema; pattern: unknown; parts: readonly string[] }>> = {
  recording: {
    type: recording,
    pattern: recording.pattern,
    parts: ['media', 'no_media', 'cobrowse', 'no_cobrowse', 'no_', 'x'],
  },
  sort: {
    type: sort,
    pattern: sort.items.pattern,
    parts: ['createdAt', 'CreatedAt', 'id', 'asc', 'DESC', 'ignoreCase', '.', 'x', '%2C'],
  },
  onHoldDurationGt: {
    type: onHoldDurationGt,
    pattern: onHoldDurationGt.pattern,
    parts: ['1', '20', '.', '+', '-', 'e', 'E', 'x'],
  },
  'If-Match': {
    type: EntityTags({}),
    pattern: EntityTags({}).pattern,
    parts: ['"1"', 'W/"1"', 'W/', '"', '*', 'x'],
  },
}

describe.each(Object.entries(types))('the pattern of %s', (_, { type, pattern, parts }) => {
  const regExp = new RegExp(String(pattern), 'u')
  const decode = compileObject(Type.Object({ value: type }))
  const text = fc
    .array(fc.constantFrom(...parts, ',', ',', ' '), { maxLength: 8 })
    .map((pieces) => pieces.join(''))

  test('accepts what the service accepts, and nothing else', () => {
    fc.assert(
      fc.property(text, (value) => {
        expect([value, regExp.test(value)]).toEqual([value, 'value' in decode(() => value)])
      }),
      { numRuns: 2000 },
    )
  })

  test('does not backtrack without end', () => {
    const units = ['', ...parts].flatMap((part) => [`${part},`, `${part}, `, ` ${part},`, ` ${part} `])
    for (const unit of units) {
      const began = performance.now()
      regExp.test(`${unit.repeat(30)}!`)
      expect([unit, performance.now() - began < 1000]).toEqual([unit, true])
    }
  })
})
