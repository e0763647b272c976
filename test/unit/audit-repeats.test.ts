// How many lines others can cause in the audit log.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { limitRepeats } from '../../src/observability/audit/repeats.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function open() {
  const summaries: [string, number, string | undefined][] = []
  const limiter = limitRepeats<string>({ windowMs: 1000, linesPerKey: 2, maxKeys: 3 }, (...summary) =>
    summaries.push(summary),
  )
  const admitted = (event: string, ...keys: string[]) =>
    keys.filter((key) => limiter.admits(event, key, `line of ${key}`))
  return { admitted, summaries, flush: limiter.flush }
}

test('the first lines of a key are written, further ones are counted and summarized at the end of the window', () => {
  const { admitted, summaries } = open()
  expect(admitted('refused', 'a', 'a', 'a', 'b', 'a')).toEqual(['a', 'a', 'b'])
  vi.advanceTimersByTime(999)
  expect(summaries).toEqual([])
  vi.advanceTimersByTime(1)
  expect(summaries).toEqual([['refused', 2, 'line of a']])
})

test('the next window starts with its first line, and none without a line', () => {
  const { admitted, summaries } = open()
  admitted('refused', 'a', 'a', 'a')
  vi.advanceTimersByTime(1000)
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(5000)
  expect(admitted('refused', 'a', 'a', 'a')).toEqual(['a', 'a'])
  vi.advanceTimersByTime(999)
  expect(summaries).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(summaries).toHaveLength(2)
})

test('events are limited apart', () => {
  const { admitted } = open()
  expect(admitted('refused', 'a', 'a', 'a')).toEqual(['a', 'a'])
  expect(admitted('throttled', 'a')).toEqual(['a'])
})

test('keys beyond the limit are counted together, by event', () => {
  const { admitted, summaries } = open()
  expect(admitted('refused', 'a', 'b', 'c', 'd', 'e', 'a', 'd')).toEqual(['a', 'b', 'c', 'a'])
  expect(admitted('throttled', 'a')).toEqual([])
  vi.advanceTimersByTime(1000)
  expect(summaries).toEqual([
    ['refused', 3, undefined],
    ['throttled', 1, undefined],
  ])
})

test('what was counted can be summarized early', () => {
  const { admitted, summaries, flush } = open()
  admitted('refused', 'a', 'a', 'a')
  flush()
  expect(summaries).toEqual([['refused', 1, 'line of a']])
  expect(vi.getTimerCount()).toBe(0)
  flush()
  expect(summaries).toHaveLength(1)
})
