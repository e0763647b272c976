// Admission: which requests run, wait or are rejected.
import { expect, test, vi } from 'vitest'
import { limitWaiting } from '../../src/http/admission.ts'

/** Creates an admission and work that ends on demand. Records the order of starts and rejections. */
function startOf({ concurrency = 2, reserve = 0, longestWaitMs = 60_000 }) {
  const admit = limitWaiting({ concurrency, reserve, longestWaitMs })
  const started: number[] = []
  const rejected: number[] = []
  const ends = new Map<number, () => void>()
  const submit = (number: number, holder = 'acme', abandoned?: AbortSignal) =>
    admit(
      holder,
      () => {
        started.push(number)
        return new Promise<void>((resolve) => ends.set(number, resolve))
      },
      abandoned,
    ).catch((error: unknown) => {
      expect(error).toMatchObject({ status: 503, code: 'overloaded', headers: { 'retry-after': '1' } })
      rejected.push(number)
    })
  const end = async (number: number) => {
    ends.get(number)?.()
    await settled()
  }
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  return { submit, end, settled, started, rejected }
}

test('requests beyond the concurrency limit wait in order of arrival', async () => {
  const { submit, end, settled, started, rejected } = startOf({ concurrency: 2 })
  for (const number of [1, 2, 3, 4, 5]) submit(number)
  await settled()
  expect(started).toEqual([1, 2])
  await end(2)
  expect(started).toEqual([1, 2, 3])
  await end(1)
  await end(3)
  expect(started).toEqual([1, 2, 3, 4, 5])
  expect(rejected).toEqual([])
})

test('failed work frees its slot and rejects with its error', async () => {
  const admit = limitWaiting({ concurrency: 1, longestWaitMs: 60_000 })
  const failing = admit('acme', () => Promise.reject(new Error('it failed')))
  const next = admit('acme', async () => 'done')
  await expect(failing).rejects.toThrow('it failed')
  expect(await next).toBe('done')
})

test('after a request has waited too long, the newest goes first and all but the latest are rejected', async () => {
  const { submit, end, started, rejected } = startOf({ concurrency: 2, longestWaitMs: 20 })
  for (const number of [1, 2, 3, 4, 5, 6]) submit(number)
  await expect.poll(() => rejected).toContain(3)
  for (const number of [7, 8, 9]) submit(number)
  await end(1)
  expect(started).toEqual([1, 2, 9])
  expect(rejected).toEqual(expect.arrayContaining([3, 4, 5, 6, 7]))
  await end(9)
  expect(started).toEqual([1, 2, 9, 8])
})

test('after few rejections, a burst may wait again, in order of arrival', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  try {
    const { submit, end, settled, started, rejected } = startOf({ concurrency: 1, longestWaitMs: 50 })
    for (const number of [1, 2, 3]) submit(number)
    await vi.advanceTimersByTimeAsync(50)
    expect(rejected).toEqual([2, 3])
    await end(1)
    for (const number of [4, 5, 6]) submit(number)
    await settled()
    expect(rejected).toEqual([2, 3, 5])
    await end(4)
    await end(6)
    await vi.advanceTimersByTimeAsync(500)
    for (const number of [7, 8, 9]) submit(number)
    await settled()
    expect(rejected).toEqual([2, 3, 5, 8])
    await end(7)
    await end(9)
    await vi.advanceTimersByTimeAsync(1000)
    submit(10)
    await settled()
    await end(10)
    await vi.advanceTimersByTimeAsync(500)
    for (const number of [11, 12, 13, 14]) submit(number)
    await settled()
    for (const number of [11, 12, 13, 14]) await end(number)
    expect(started).toEqual([1, 4, 6, 7, 9, 10, 11, 12, 13, 14])
    expect(rejected).toEqual([2, 3, 5, 8])
  } finally {
    vi.useRealTimers()
  }
})

test('overload is detected by the pace before a request has waited too long', async () => {
  const { submit, end, started, rejected } = startOf({ concurrency: 1, longestWaitMs: 1000 })
  for (let number = 0; number <= 12; number++) submit(number)
  for (let number = 0; number <= 10; number++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    await end(number)
  }
  for (let number = 13; number < 1013; number++) submit(number)
  await end(11)
  expect(started.at(-1)).toBe(1012)
  await expect.poll(() => rejected.length).toBeGreaterThan(500)
})

test('a flood of rejections is spread over turns of the event loop', async () => {
  const { submit, end, rejected } = startOf({ concurrency: 1, longestWaitMs: 1000 })
  for (let number = 0; number <= 12; number++) submit(number)
  for (let number = 0; number <= 10; number++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    await end(number)
  }
  for (let number = 13; number < 1013; number++) submit(number)
  let mostInTurn = 0
  for (let before = 0; rejected.length < 900; before = rejected.length) {
    await new Promise((resolve) => setImmediate(resolve))
    mostInTurn = Math.max(mostInTurn, rejected.length - before)
  }
  expect(mostInTurn).toBeLessThanOrEqual(16)
})

test('a free turn goes to the holder with the fewest running, then to the one that has waited longest for a turn', async () => {
  const { submit, end, settled, started } = startOf({ concurrency: 3 })
  for (const number of [1, 2, 3, 4, 5, 6]) submit(number, 'flood')
  submit(11, 'acme')
  submit(21, 'globex')
  submit(22, 'globex')
  await settled()
  expect(started).toEqual([1, 2, 3])
  await end(1)
  await end(2)
  expect(started.slice(3)).toEqual([11, 21])
  // each of the three has one running
  await end(11)
  expect(started.slice(5)).toEqual([4])
  await end(3)
  expect(started.slice(6)).toEqual([22])
  await end(4)
  expect(started.slice(7)).toEqual([5])
})

test('turns in reserve are for holders that have none running', async () => {
  const { submit, end, settled, started } = startOf({ concurrency: 2, reserve: 2 })
  for (const number of [1, 2, 3, 4]) submit(number, 'flood')
  submit(11, 'acme')
  submit(12, 'acme')
  submit(21, 'globex')
  submit(31, 'initech')
  await settled()
  expect(started).toEqual([1, 2, 11, 21])
  await end(1)
  // initech has none running; acme and the flood have one each, and three others are running
  expect(started.slice(4)).toEqual([31])
  await end(2)
  expect(started.slice(5)).toEqual([3])
})

test('a holder that has to wait too long is rejected, and the others are not', async () => {
  const { submit, end, started, rejected } = startOf({ concurrency: 1, reserve: 1, longestWaitMs: 20 })
  for (let number = 1; number <= 50; number++) submit(number, 'flood')
  await expect.poll(() => rejected).toHaveLength(49)
  submit(101, 'acme')
  submit(51, 'flood')
  submit(52, 'flood')
  await end(101)
  submit(102, 'acme')
  await end(1)
  await end(102)
  await end(52)
  expect(started).toEqual([1, 101, 102, 52])
  expect(rejected).toHaveLength(50)
  expect(rejected).not.toContain(101)
})

test('the order of arrival holds for a holder that nobody floods, while another is overloaded', async () => {
  const { submit, end, started, rejected } = startOf({ concurrency: 1, longestWaitMs: 30 })
  for (const number of [1, 2, 3]) submit(number, 'flood')
  await expect.poll(() => rejected).toEqual([2, 3])
  for (const number of [4, 5]) submit(number, 'flood')
  for (const number of [11, 12]) submit(number, 'acme')
  await end(1)
  await end(11)
  await end(5)
  await end(12)
  expect(started).toEqual([1, 11, 5, 12])
})

test('a request that is abandoned while it waits does not run', async () => {
  const { submit, end, settled, started, rejected } = startOf({ concurrency: 1 })
  const [gone, goneBefore] = [new AbortController(), AbortSignal.abort()]
  submit(1)
  submit(2, 'acme', gone.signal)
  submit(3, 'acme', goneBefore)
  submit(4)
  gone.abort()
  await settled()
  expect(rejected).toEqual(expect.arrayContaining([2, 3]))
  await end(1)
  expect(started).toEqual([1, 4])
})

test('holders that come and go are forgotten', async () => {
  const admit = limitWaiting({ concurrency: 1, longestWaitMs: 60_000 })
  const before = process.memoryUsage().heapUsed
  for (let number = 0; number < 100_000; number++) await admit(`holder-${number}`, async () => {})
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000)
})
