// Bytes held for clients: who loses what when memory runs out.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limitHeldBytes } from '../../src/http/limits/held-bytes.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const stall = () => vi.advanceTimersByTime(5_000)

/** Limits bytes, and records the names of dropped holdings. */
function start({ holderLimitBytes = 100 }) {
  const held = limitHeldBytes({ limitBytes: 100, holderLimitBytes })
  const dropped: string[] = []
  const hold = (holder: string, bytes: number, name = holder) => {
    const holding = held.hold(holder, () => dropped.push(name))
    if (!holding.resize(bytes)) {
      holding.release()
      return undefined
    }
    return holding
  }
  return { held, hold, dropped }
}

test('counts what is held, until it is released', () => {
  const { held, hold } = start({})
  const holding = hold('a', 40)
  hold('b', 20)
  holding?.resize(30)
  expect(held.total()).toBe(50)
  holding?.release()
  holding?.release()
  expect(held.total()).toBe(20)
  expect(holding?.resize(10)).toBe(false)
  expect(held.total()).toBe(20)
})

test('the largest holder loses what has made no progress for longest', () => {
  const { hold, dropped } = start({})
  hold('small', 10)
  const first = hold('large', 30, 'first')
  hold('large', 30, 'second')
  hold('large', 30, 'third')
  stall()
  first?.recordProgress()
  expect(hold('other', 35)).toBeDefined()
  expect(dropped).toEqual(['second', 'third'])
})

test('a stalled holding of a small holder gives way when the largest one makes progress', () => {
  const { hold, dropped } = start({})
  const large = hold('large', 60)
  hold('small', 40)
  stall()
  large?.recordProgress()
  expect(hold('other', 30)).toBeDefined()
  expect(dropped).toEqual(['small'])
})

test('what has made progress lately stays, and the newcomer gets no room', () => {
  const { held, hold, dropped } = start({})
  hold('a', 50)
  hold('a', 50)
  expect(hold('a', 10)).toBeUndefined()
  expect(dropped).toEqual([])
  expect(held.total()).toBe(100)
})

test('a holder cannot keep a smaller one out by making progress', () => {
  const { hold, dropped } = start({})
  hold('large', 50, 'first')
  hold('large', 50, 'second')
  expect(hold('small', 10)).toBeDefined()
  expect(dropped).toEqual(['first'])
})

test('a single holding that makes progress stays, however large', () => {
  const { hold, dropped } = start({})
  hold('export', 90)
  expect(hold('other', 20)).toBeUndefined()
  expect(dropped).toEqual([])
})

test('a holder has no more than its share, and only loses its own', () => {
  const { held, hold, dropped } = start({ holderLimitBytes: 50 })
  hold('other', 10)
  hold('a', 25, 'first')
  hold('a', 25, 'second')
  expect(hold('a', 25, 'third')).toBeUndefined()
  stall()
  expect(hold('a', 25, 'fourth')).toBeDefined()
  expect(dropped).toEqual(['first'])
  expect(hold('a', 60)).toBeUndefined()
  expect(held.total()).toBeLessThanOrEqual(60)
})

test('a holding that grows drops others, and never itself', () => {
  const { held, hold, dropped } = start({})
  const holding = hold('a', 50)
  hold('b', 20)
  stall()
  expect(holding?.resize(101)).toBe(false)
  expect(dropped).toEqual([])
  expect(held.total()).toBe(70)
  expect(holding?.resize(100)).toBe(true)
  expect(dropped).toEqual(['b'])
})
