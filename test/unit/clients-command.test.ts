// `clients create` accepts only identifiers whose tokens are accepted later.
import { expect, test } from 'vitest'
import { addClientCommands } from '../../src/commands/clients.ts'
import { runCommandLine } from './support/command-line.ts'

/** Runs a command without a database: valid arguments fail with a connection error. */
async function run(...args: string[]): Promise<unknown> {
  return (await runCommandLine(addClientCommands, ['clients', ...args])).error
}

const unacceptable = [
  ['is empty', '', 'It must have 1 to 255 characters.'],
  ['has 256 characters', 'x'.repeat(256), 'It must have 1 to 255 characters.'],
  ['contains NUL', 'a\u0000', 'It must not contain NUL or half of a surrogate pair.'],
  ['contains half of a surrogate pair', 'a\ud800', 'It must not contain NUL or half of a surrogate pair.'],
] as const

test.each(unacceptable)('a client id that %s is rejected', async (_, id, reason) => {
  const error = await run('create', id, '--role', 'SERVICE')
  expect(error).toMatchObject({ code: 'commander.invalidArgument', message: expect.stringContaining(reason) })
})

test.each(unacceptable)('an organization id that %s is rejected', async (_, id, reason) => {
  const error = await run('create', 'agent-1', '--role', 'AGENT', '--organization', id)
  expect(error).toMatchObject({ code: 'commander.invalidArgument', message: expect.stringContaining(reason) })
})

test.each([
  ['an AGENT without an organization', ['--role', 'AGENT']],
  ['a SERVICE with an organization', ['--role', 'SERVICE', '--organization', 'acme']],
])('%s is rejected', async (_, options) => {
  const error = await run('create', 'client-1', ...options)
  expect(error).toMatchObject({ message: expect.stringContaining('--organization') })
})

test('identifiers of 255 characters outside the basic plane are accepted', async () => {
  const id = '😀'.repeat(255)
  const error = await run('create', id, '--role', 'AGENT', '--organization', id)
  expect(error).toMatchObject({ message: expect.stringContaining('ECONNREFUSED') })
})

test.each([['a b'], [''], ['"'], ['ä']])('the scope %j is rejected', async (scope) => {
  const error = await run('create', 'client-1', '--role', 'SERVICE', '--scope', scope)
  expect(error).toMatchObject({
    code: 'commander.invalidArgument',
    message: expect.stringContaining('one scope'),
  })
})

test.each([['interaction:read'], ['interactions:admin'], ['reports']])(
  'the scope %s alone is rejected: it would not limit the client',
  async (scope) => {
    const error = await run('create', 'client-1', '--role', 'SERVICE', '--scope', scope)
    expect(error).toMatchObject({ message: expect.stringMatching(/--scope.*interactions:read/) })
  },
)

test('scopes are accepted, one option each', async () => {
  const scopes = ['--scope', 'interactions:read', '--scope', 'reports']
  const error = await run('create', 'client-1', '--role', 'SERVICE', ...scopes)
  expect(error).toMatchObject({ message: expect.stringContaining('ECONNREFUSED') })
})

test.each([['90s'], ['30m'], ['24h'], ['7d'], ['365d'], ['1s']])(
  'an old secret can be kept for %s',
  async (duration) => {
    const error = await run('rotate', 'client-1', '--keep-old-for', duration)
    expect(error).toMatchObject({ message: expect.stringContaining('ECONNREFUSED') })
  },
)

test.each([['0h'], ['24'], ['h'], ['1.5h'], ['366d'], ['1w'], ['24h '], ['']])(
  'an old secret cannot be kept for %j',
  async (duration) => {
    const error = await run('rotate', 'client-1', '--keep-old-for', duration)
    expect(error).toMatchObject({
      code: 'commander.invalidArgument',
      message: expect.stringContaining('must be a duration'),
    })
  },
)
