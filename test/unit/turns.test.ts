import { describe, expect, test } from 'vitest'
import { turnTaker } from '../../src/database/batches/turns.ts'

interface Item {
  readonly place: number
  readonly holder: string
  readonly weight: number
}

const unlimited = Number.POSITIVE_INFINITY

function waitingOf(holders: string, weight = 0): Item[] {
  return [...holders].map((holder, place) => ({ place, holder, weight }))
}

const holdersOf = (items: readonly Item[]) => items.map(({ holder }) => holder).join('')

describe('a batch that is too small for all that wait', () => {
  test('takes items of each holder in turn, each in its order', () => {
    const taken = turnTaker<Item>(5, unlimited)(waitingOf('aaaabbc'))
    expect(taken.map(({ place }) => place)).toEqual([0, 4, 6, 1, 5])
  })

  test('takes the first items of a single holder', () => {
    const waiting = waitingOf('aaaa')
    expect(turnTaker<Item>(3, unlimited)(waiting)).toEqual(waiting.slice(0, 3))
  })

  test('takes what fits of a single holder, and an item alone that is too heavy', () => {
    expect(turnTaker<Item>(3, 10)(waitingOf('aaaa', 5))).toHaveLength(2)
    expect(turnTaker<Item>(3, 10)(waitingOf('aaaa', 50))).toHaveLength(1)
  })

  test('begins with the holder whose turn was longest ago', () => {
    const take = turnTaker<Item>(1, unlimited)
    expect(holdersOf(take(waitingOf('ab')))).toBe('a')
    expect(holdersOf(take(waitingOf('ab')))).toBe('b')
    expect(holdersOf(take(waitingOf('ab')))).toBe('a')
  })

  test('begins with another holder after a batch of a single one', () => {
    const take = turnTaker<Item>(2, unlimited)
    expect(holdersOf(take(waitingOf('aaa')))).toBe('aa')
    expect(holdersOf(take(waitingOf('aab')))).toBe('ba')
  })
})
