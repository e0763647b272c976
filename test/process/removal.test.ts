// `purge` and `erase` as an operator runs them, beside a running service.
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { finishCommand, runCommand } from '../support/service.ts'
import { dataDirectory, serve } from './support/caller.ts'
import { connect, countStored, storeMany } from './support/storage.ts'

const today = () => new Date().toISOString()

test('a dry run prints the number of interactions, a run deletes them, and a log line records it', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  await serve(environment)
  const database = await connect(environment.DATA_DIR)
  await storeMany(database, 3000)
  const erase = ['erase', '--organization', 'acme', '--customer-id', 'c-1']
  expect(await finishCommand([...erase, '--dry-run'], environment)).toMatchObject({
    code: 0,
    output: '1,000 interactions would be deleted.\n',
  })
  expect(await countStored(database)).toBe(3000)
  const erased = await finishCommand(erase, environment)
  expect(erased).toMatchObject({ code: 0, output: 'Deleted 1,000 interactions.\n' })
  expect(JSON.parse(erased.errors)).toMatchObject({
    msg: 'interactions deleted',
    removed: 1000,
    of: 1000,
    organizationId: 'acme',
  })
  expect(erased.errors).not.toContain('c-1')

  const purge = ['purge', '--before', today()]
  expect(await finishCommand([...purge, '--organization', 'globex'], environment)).toMatchObject({
    code: 0,
    output: 'Deleted 0 interactions.\n',
  })
  expect(await countStored(database)).toBe(2000)
  const purged = await finishCommand(purge, environment)
  expect(purged).toMatchObject({ code: 0, output: 'Deleted 2,000 interactions.\n' })
  expect(JSON.parse(purged.errors)).toMatchObject({ removed: 2000, createdBefore: purge[2] })
  expect(await countStored(database)).toBe(0)
})

test('ctrl-C stops a purge between two batches and prints its progress; the next run continues', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  await serve(environment)
  const database = await connect(environment.DATA_DIR)
  await storeMany(database, 30_000)
  const purge = ['purge', '--before', today()]
  const child = runCommand(purge, environment)
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  while ((await countStored(database)) === 30_000);
  child.kill('SIGINT')
  expect(await once(child, 'close')).toEqual([130, null])
  const left = await countStored(database)
  expect(left).toBeGreaterThan(0)
  expect(errors).toContain(
    `deleted ${(30_000 - left).toLocaleString('en-US')} of 30,000 interactions; run the command again to resume`,
  )
  expect(await finishCommand(purge, environment)).toMatchObject({ code: 0 })
  expect(await countStored(database)).toBe(0)
})
