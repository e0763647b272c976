import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, test } from 'vitest'
import { batch } from '../../src/database/batches/batches.ts'

test('a batch runs in the context of its first item, also when it starts as another one ends', async () => {
  const requests = new AsyncLocalStorage<string>()
  const contexts: (string | undefined)[] = []
  const ends: (() => void)[] = []
  const run = batch<string, string>(
    async (items) => {
      contexts.push(`${requests.getStore()}: ${items.join()}`)
      await new Promise<void>((resolve) => ends.push(resolve))
      return items
    },
    { concurrency: 1, maxSize: 10, startTimeoutMs: 60_000 },
  )
  const call = (name: string) => requests.run(name, () => run(name, 'acme'))
  const first = call('first')
  await expect.poll(() => contexts).toEqual(['first: first'])
  const later = [call('second'), call('third')]
  ends[0]?.()
  await first
  await expect.poll(() => contexts).toEqual(['first: first', 'second: second,third'])
  ends[1]?.()
  expect(await Promise.all(later)).toEqual(['second', 'third'])
})
