// `import` as an operator runs it: invalid lines, existing interactions and interruptions.
import { once } from 'node:events'
import { appendFile, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { exportedLine } from '../support/exported-line.ts'
import { runCommand } from '../support/service.ts'
import { contents, startExchange } from './support/exchange.ts'
import { countStored } from './support/storage.ts'

const line = (id: string, more: object = {}) => `${exportedLine(id, more)}\n`

test('import stops at an invalid line and keeps the lines before it; a corrected file continues', async () => {
  const { database, out, run } = await startExchange()
  const lines = Array.from({ length: 1200 }, (_, n) => line(`id-${n}`))
  const wrong: readonly [string | Buffer, RegExp][] = [
    ['{"id":"x","organizationId":"ac', /line 1,201: the file is truncated here/],
    [Buffer.from('{"id":"\xff"}\n', 'latin1'), /line 1,201: line must be UTF-8/],
    [line(''), /line 1,201: id must have 1 to 255 characters/],
    [line('x', { organizationId: 'globex' }), /line 1,201: organizationId must be acme/],
  ]
  for (const [last, message] of wrong) {
    await writeFile(out, lines.join(''))
    await appendFile(out, last)
    await appendFile(out, String(last).endsWith('\n') ? line('behind') : '')
    const { code, errors } = await run('import', out, '--organization', 'acme')
    expect(code).toBe(1)
    expect(errors).toMatch(message)
    expect(await countStored(database)).toBe(1200)
  }
  await writeFile(out, [...lines, line('x')].join(''))
  expect(await run('import', out)).toMatchObject({
    code: 0,
    output: 'Stored 1 interactions; 1,200 were already stored.\n',
  })
})

test('import reports an id that a different interaction has, in the table or in the file, and does not overwrite', async () => {
  const { database, out, run } = await startExchange()
  await writeFile(out, [line('one'), line('two'), line('one'), line('one', { version: 1 })].join(''))
  expect(await run('import', out)).toMatchObject({
    code: 1,
    output: 'Stored 2 interactions; 1 were already stored.\n',
    errors: expect.stringMatching(
      /1 interactions were not stored because different interactions have their ids; lines 4\n/,
    ),
  })
  const changes = {
    organization_id: 'globex',
    created_by: 'b',
    created_at: '2024-05-01T00:00:00.001Z',
    type: 'x',
    data: '{ }',
    version: '2',
  }
  await writeFile(out, [...Object.keys(changes), 'unchanged'].map((id) => line(id)).join(''))
  await run('import', out)
  for (const [column, value] of Object.entries(changes))
    await database.query(`update interactions set ${column} = $1 where id = $2`, [value, column])
  const before = await contents(database)
  expect(await run('import', out)).toMatchObject({
    code: 1,
    output: 'Stored 0 interactions; 1 were already stored.\n',
    errors: expect.stringMatching(/lines 1; 2; 3; 4; 5; 6\n/),
  })
  expect(await contents(database)).toEqual(before)
})

test('ctrl-C stops an import between two batches, and the next run continues', async () => {
  const { database, environment, out, run } = await startExchange()
  await writeFile(out, Array.from({ length: 30_000 }, (_, n) => line(`id-${n}`)).join(''))
  const child = runCommand(['import', out], environment)
  while ((await countStored(database)) === 0);
  child.kill('SIGINT')
  expect(await once(child, 'close')).toEqual([130, null])
  expect(await countStored(database)).toBeLessThan(30_000)
  expect(await run('import', out)).toMatchObject({ code: 0 })
  expect(await countStored(database)).toBe(30_000)
})
