// Tests the history checker with histories that a register cannot have.
import { expect, test } from 'vitest'
import { expectRegister, type Read, type Write } from './support/history.ts'

const id = 'one'
const create: Write = {
  kind: 'create',
  id,
  base: undefined,
  data: 'a',
  outcome: 'applied',
  began: 0,
  ended: 1,
}
const update = (base: number | undefined, data: string, began: number, more: Partial<Write> = {}): Write => ({
  kind: 'update',
  id,
  base,
  data,
  outcome: 'applied',
  began,
  ended: began + 1,
  ...more,
})
const read = (version: number, data: string, began: number): Read => ({
  kind: 'read',
  id,
  version,
  data,
  began,
  ended: began + 1,
})

test('accepts the history of a register, also with lost responses', () => {
  const lost = update(1, 'c', 4, { outcome: 'unknown' })
  const late = update(0, 'd', 4, { outcome: 'rejected' })
  const history = [create, read(0, 'a', 1), update(0, 'b', 2), late, lost, read(1, 'b', 4)]
  expectRegister(history, { version: 1, data: 'b' })
  expectRegister([...history, read(2, 'c', 5)], { version: 2, data: 'c' })
})

test.each([
  ['a lost create', [create], undefined],
  ['a lost update', [create, update(0, 'b', 2)], { version: 0, data: 'a' }],
  ['a lost update without a version', [create, update(undefined, 'b', 2)], { version: 0, data: 'a' }],
  ['an update that was applied twice', [create, update(undefined, 'b', 2)], { version: 2, data: 'b' }],
  ['two winners of a version', [create, update(0, 'b', 2), update(0, 'c', 2)], { version: 2, data: 'c' }],
  ['a version without a write', [create, update(1, 'b', 2)], { version: 2, data: 'b' }],
  ['data that was never written', [create], { version: 0, data: 'b' }],
  [
    'a read of data that is not written yet',
    [create, read(1, 'b', 2), update(0, 'b', 9)],
    { version: 1, data: 'b' },
  ],
  ['a read of replaced data', [create, update(0, 'b', 2), read(0, 'a', 5)], { version: 1, data: 'b' }],
  [
    'reads that go back in time',
    [create, update(0, 'b', 2, { outcome: 'unknown' }), read(1, 'b', 4), read(0, 'a', 6)],
    { version: 1, data: 'b' },
  ],
  [
    'a conflict without a cause',
    [create, update(0, 'b', 2, { outcome: 'rejected' })],
    { version: 0, data: 'a' },
  ],
  [
    'a rejected update that was applied',
    [create, update(0, 'b', 2, { outcome: 'rejected' }), update(0, 'c', 2, { outcome: 'unknown' })],
    { version: 1, data: 'b' },
  ],
])('detects %s', (_, history, stored) => {
  expect(() => expectRegister(history, stored)).toThrow()
})
