// `export` as an operator runs it: a round trip with `import`, and resuming after an interruption.
import { once } from 'node:events'
import { readdir, readFile, truncate } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { runCommand } from '../support/service.ts'
import { always, contents, startExchange } from './support/exchange.ts'
import { storeMany } from './support/storage.ts'

const unusual = [
  '{"n":12345678901234567890.10,"n":1e400,"z":1,"a":-0}',
  '{\n\t"pretty": [1.0,\r\n 2]\n}',
  '{"text":"a\\nb\\u2028\u2028\\"\\\\","emoji":"🙂", "customerId":7}',
]

test('export and import preserve every character and millisecond', async () => {
  const { database, out, run, exportTo } = await startExchange()
  await storeMany(database, 1200)
  for (const [n, data] of unusual.entries())
    await database.query(
      `insert into interactions (id, organization_id, created_by, created_at, type, data, version)
       values ($1, 'globex', E'line\\nbreak', '0001-01-01T00:00:00.001Z', '=1', $2, 9223372036854775807)`,
      [`"hostile" ${n}`, data],
    )
  const before = await contents(database)
  expect(await exportTo(out, '--start', '0001-01-01T00:00:00Z')).toMatchObject({
    code: 0,
    output: `Exported 1,203 interactions to ${out}.\n`,
  })
  expect(await run('import', out)).toMatchObject({
    code: 0,
    output: 'Stored 0 interactions; 1,203 were already stored.\n',
  })
  await database.query('truncate interactions')
  expect(await run('import', out)).toMatchObject({
    code: 0,
    output: 'Stored 1,203 interactions; 0 were already stored.\n',
  })
  expect(await contents(database)).toEqual(before)

  const narrowed = path.join(path.dirname(out), 'narrowed.ndjson')
  await exportTo(narrowed, '--organization', 'acme', '--customer-id', 'c-1')
  const lines = (await readFile(narrowed, 'utf8')).trimEnd().split('\n')
  expect(lines).toHaveLength(400)
  expect(lines.every((line) => JSON.parse(line).data.customerId === 'c-1')).toBe(true)
})

test('export resumes after it was stopped, or killed within a line', async () => {
  const { database, environment, folder, out, exportTo } = await startExchange()
  await storeMany(database, 30_000)
  const child = runCommand(['export', ...always, '--out', out], environment)
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  while ((await readdir(folder)).length === 0);
  child.kill('SIGINT')
  expect(await once(child, 'close')).toEqual([130, null])
  expect(errors).toMatch(/exported .* interactions to .*\.partial; run the command again to resume/)
  const [name = ''] = await readdir(folder)
  const partial = path.join(folder, name)
  const written = await readFile(partial, 'utf8')
  // as after a kill within a line
  await truncate(partial, Buffer.byteLength(written) - 7)
  // an unrelated export meanwhile
  const unrelated = path.join(folder, 'nobody.ndjson')
  expect(await exportTo(unrelated, '--user-id', 'nobody')).toMatchObject({ code: 0 })

  expect(await exportTo(out)).toMatchObject({ code: 0, output: `Exported 30,000 interactions to ${out}.\n` })
  const text = await readFile(out, 'utf8')
  expect(text.slice(0, written.length - 7)).toBe(written.slice(0, -7))
  const ids = text
    .trimEnd()
    .split('\n')
    .map((line): string => JSON.parse(line).id)
  expect(new Set(ids).size).toBe(30_000)
  expect(ids).toHaveLength(30_000)
  expect((await readdir(folder)).sort()).toEqual(['all.ndjson', 'nobody.ndjson'])
  expect(await exportTo(out)).toMatchObject({ code: 1, errors: expect.stringMatching(/already exists/) })
})
