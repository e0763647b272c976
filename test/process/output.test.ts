// What commands print: for people on a terminal, for programs elsewhere, and when nobody reads it.
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { finishCommand } from '../support/service.ts'
import { askForToken, dataDirectory, serve } from './support/caller.ts'
import { always, contents, startExchange } from './support/exchange.ts'
import { storeMany } from './support/storage.ts'

const executable = path.join(import.meta.dirname, '..', '..', 'bin', 'interaction-api.js')

/** Runs a line in bash, where `$COMMAND` is the command. Its exit code is the first one of a pipeline that is not 0. */
async function type(line: string, environment: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH, HOME, COMMAND: `${process.execPath} ${executable}`, ...environment }
  const options = { env, maxBuffer: 2 ** 28 }
  return promisify(execFile)('bash', ['-c', `set -o pipefail; ${line}`], options).then(
    ({ stdout, stderr }) => ({ code: 0, output: stdout, errors: stderr }),
    ({ code, stdout, stderr }) => ({ code, output: String(stdout), errors: String(stderr) }),
  )
}

/** Runs a command on a terminal of its own, and returns its result there, without the logs. */
async function onTerminal(command: string, environment: Record<string, string>): Promise<string> {
  const { output } = await type(
    `script -qec "$COMMAND ${command} 2>/dev/null" /dev/null </dev/null`,
    environment,
  )
  return output.replaceAll('\r\n', '\n')
}

const create = ['clients', 'create', 'crm', '--role', 'AGENT', '--organization', 'acme']

test('a secret is printed alone for scripts, and a client gets tokens with it', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  const service = await serve(environment)
  const status = async (output: string) =>
    (await askForToken(service, { clientId: 'crm', clientSecret: output.trimEnd() })).status

  const created = await finishCommand([...create, '--secret-only'], environment)
  expect(created.output).toMatch(/^[\w-]{43}\n$/)
  expect(await status(created.output)).toBe(200)

  const rotated = await finishCommand(['clients', 'rotate', 'crm', '--secret-only'], environment)
  expect(rotated.output).toMatch(/^[\w-]{43}\n$/)
  expect([await status(created.output), await status(rotated.output)]).toEqual([401, 200])

  const both = await finishCommand(['clients', 'rotate', 'crm', '--secret-only', '--json'], environment)
  expect(both).toMatchObject({ code: 1, output: '', errors: expect.stringContaining('--json') })
})

test.skipIf(process.platform !== 'linux')(
  'a terminal shows sentences and an aligned table, and JSON lines only if asked',
  async () => {
    const environment = { DATA_DIR: await dataDirectory() }
    await serve(environment)
    expect(await onTerminal(create.join(' '), environment)).toMatch(
      /^Created crm\. This secret cannot be shown again:\n[\w-]{43}\n$/,
    )
    expect(await onTerminal('clients rotate crm --keep-old-for 1h', environment)).toMatch(
      /^Rotated crm\. The old secret works until \S+Z\. This secret cannot be shown again:\n[\w-]{43}\n$/,
    )

    const lines = (await onTerminal('clients list', environment)).trimEnd().split('\n')
    expect(lines.map((line) => line.split(/ {2,}/).slice(0, 4))).toEqual([
      ['CLIENT', 'ROLE', 'ORGANIZATION', 'SCOPES'],
      ['crm', 'AGENT', 'acme', 'interactions'],
      ['demo-agent', 'AGENT', 'demo-organization', 'interactions'],
      ['demo-service', 'SERVICE', '-', 'interactions'],
    ])
    const starts = lines.map((line) => line.search(/ROLE|AGENT|SERVICE/))
    expect(new Set(starts).size).toBe(1)

    const { output: piped } = await finishCommand(['clients', 'list'], environment)
    expect(JSON.parse(piped.split('\n', 1)[0] ?? '')).toMatchObject({ clientId: 'crm' })
    expect(await onTerminal('clients list --json', environment)).toBe(piped)
  },
)

test('export writes the lines alone to standard output, which import reads again', async () => {
  const { database, environment, folder, run, exportTo } = await startExchange()
  await storeMany(database, 1200)
  const before = await contents(database)

  const exported = await exportTo('-')
  expect(exported).toMatchObject({ code: 0, errors: 'Exported 1,200 interactions.\n' })
  expect(exported.output.trimEnd().split('\n')).toHaveLength(1200)

  const line = `$COMMAND export ${always.join(' ')} --out - >${folder}/all.ndjson`
  expect(await type(line, environment)).toMatchObject({ code: 0, output: '' })
  await database.query('truncate interactions')
  expect(await run('import', `${folder}/all.ndjson`)).toMatchObject({ code: 0 })
  expect(await contents(database)).toEqual(before)
})

test('export ends quietly when its reader ends, and with an error when its output cannot be written', async () => {
  const { database, environment } = await startExchange()
  await storeMany(database, 30_000)
  const command = `$COMMAND export ${always.join(' ')} --out -`

  const { output, ...ended } = await type(`${command} | head -1`, environment)
  expect(ended).toEqual({ code: 141, errors: '' })
  expect(JSON.parse(output)).toHaveProperty('id')

  expect(await type(`${command} >/dev/full`, environment)).toEqual({
    code: 1,
    output: '',
    errors: expect.stringMatching(
      /^interaction-api: exported 0 interactions to standard output.*ENOSPC.*\n$/,
    ),
  })
})

test('a list that nobody reads is no error, and one that cannot be written is one', async () => {
  const environment = { DATA_DIR: await dataDirectory() }
  await serve(environment)
  expect(await type('$COMMAND clients list | true', environment)).toEqual({ code: 0, output: '', errors: '' })
  expect(await type('$COMMAND clients list >/dev/full', environment)).toEqual({
    code: 1,
    output: '',
    errors: expect.stringMatching(/^interaction-api: ENOSPC[^\n]*\n$/),
  })
})
