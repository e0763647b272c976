// The checker of histories, on histories that no register can have.
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

test('what a register does is accepted, also when answers were lost', () => {
  const lost = update(1, 'c', 4, { outcome: 'unknown' })
  const late = update(0, 'd', 4, { outcome: 'refused' })
  const history = [create, read(0, 'a', 1), update(0, 'b', 2), late, lost, read(1, 'b', 4)]
  expectRegister(history, { version: 1, data: 'b' })
  expectRegister([...history, read(2, 'c', 5)], { version: 2, data: 'c' })
})

test.each([
  ['a creation that is gone', [create], undefined],
  ['an update that is gone', [create, update(0, 'b', 2)], { version: 0, data: 'a' }],
  [
    'an update without a version that is gone',
    [create, update(undefined, 'b', 2)],
    { version: 0, data: 'a' },
  ],
  ['an update that counts twice', [create, update(undefined, 'b', 2)], { version: 2, data: 'b' }],
  ['two winners', [create, update(0, 'b', 2), update(0, 'c', 2)], { version: 2, data: 'c' }],
  ['a version that nobody made', [create, update(1, 'b', 2)], { version: 2, data: 'b' }],
  ['data that nobody wrote', [create], { version: 0, data: 'b' }],
  [
    'a read of what is not written yet',
    [create, read(1, 'b', 2), update(0, 'b', 9)],
    { version: 1, data: 'b' },
  ],
  ['a read of what was replaced', [create, update(0, 'b', 2), read(0, 'a', 5)], { version: 1, data: 'b' }],
  [
    'reads that go back',
    [create, update(0, 'b', 2, { outcome: 'unknown' }), read(1, 'b', 4), read(0, 'a', 6)],
    { version: 1, data: 'b' },
  ],
  [
    'a refusal without a reason',
    [create, update(0, 'b', 2, { outcome: 'refused' })],
    { version: 0, data: 'a' },
  ],
  [
    'a refused update that was applied',
    [create, update(0, 'b', 2, { outcome: 'refused' }), update(0, 'c', 2, { outcome: 'unknown' })],
    { version: 1, data: 'b' },
  ],
])('%s is found', (_, history, stored) => {
  expect(() => expectRegister(history, stored)).toThrow()
})
