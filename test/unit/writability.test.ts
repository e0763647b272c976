// When writes are refused at once, and when they are retried.
import { expect, test } from 'vitest'
import { isTransient, ReadOnlyError } from '../../src/database/sqlstate.ts'
import { trackWritability } from '../../src/database/writability.ts'

const readOnlyFailure = Object.assign(new Error('cannot execute INSERT in a read-only transaction'), {
  code: '25006',
})

/** A database whose writes fail while it is read-only; counts what it is asked. */
function start({ isReadOnly, retryTimeoutMs }: { isReadOnly: boolean; retryTimeoutMs: number }) {
  const database = { isReadOnly, questions: 0, writes: 0 }
  const writability = trackWritability(async () => {
    database.questions++
    return database.isReadOnly
  }, retryTimeoutMs)
  const write = writability.guard(async (value: string) => {
    database.writes++
    if (database.isReadOnly) throw readOnlyFailure
    return value
  })
  return { database, write, writability }
}

const hours = 3_600_000

test('a database that is found to take writes is asked once', async () => {
  const { database, write } = start({ isReadOnly: false, retryTimeoutMs: hours })

  expect(await write('one')).toBe('one')
  expect(await write('two')).toBe('two')
  expect(database).toMatchObject({ questions: 1, writes: 2 })
})

test('a database that is read-only from the start gets no write until it takes some', async () => {
  const { database, write } = start({ isReadOnly: true, retryTimeoutMs: hours })

  for (const _ of [1, 2]) {
    const error: unknown = await write('one').catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(ReadOnlyError)
    expect(isTransient(error)).toBe(false)
  }
  expect(database.writes).toBe(0)
  database.isReadOnly = false
  expect(await write('two')).toBe('two')
})

test('a database that becomes read-only may take writes again: they fail as transient', async () => {
  const { database, write } = start({ isReadOnly: false, retryTimeoutMs: hours })
  await write('one')
  database.isReadOnly = true

  for (const _ of [1, 2]) {
    const error: unknown = await write('two').catch((failure: unknown) => failure)
    expect(error).toBe(readOnlyFailure)
    expect(isTransient(error)).toBe(true)
  }
  expect(database).toMatchObject({ questions: 1, writes: 3 })
})

test('a database that has been read-only for as long as writes are retried is a follower', async () => {
  const { database, write } = start({ isReadOnly: false, retryTimeoutMs: 0 })
  await write('one')
  database.isReadOnly = true

  await expect(write('two')).rejects.toBe(readOnlyFailure)
  await expect(write('three')).rejects.toThrow(ReadOnlyError)
  expect(database.writes).toBe(2)
})

test('a database that took writes since it was read-only is no follower', async () => {
  const { database, write, writability } = start({ isReadOnly: false, retryTimeoutMs: 0 })
  for (const look of [() => write('one'), () => writability.isReadOnly()]) {
    await look()
    database.isReadOnly = true
    await expect(write('two')).rejects.toBe(readOnlyFailure)
    database.isReadOnly = false
  }
})

test('when the database cannot be asked, the write was not sent, and may be retried', async () => {
  const cause = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' })
  const write = trackWritability(() => Promise.reject(cause), hours).guard(async () => 'written')
  const error: unknown = await write().catch((failure: unknown) => failure)

  expect(error).toMatchObject({ message: 'no connection to the database', cause })
  expect(isTransient(error)).toBe(true)
})
