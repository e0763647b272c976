// Commands reject invalid arguments before they use the database, and print nothing.
import { expect, test } from 'vitest'
import { addExportCommand } from '../../src/commands/export.ts'
import { addImportCommand } from '../../src/commands/import.ts'
import { addRemovalCommands } from '../../src/commands/remove.ts'
import { addSeedCommand } from '../../src/commands/seed.ts'
import { runCommandLine } from './support/command-line.ts'

type Rejections = readonly (readonly [parameters: readonly string[], message: RegExp])[]

const range = ['--start', '2000-01-01T00:00:00Z', '--end', '2099-01-01T00:00:00Z']
const wrongRange = ['--start', 'x', '--end', '2024-05-01T00:00:00Z']

const removals: Rejections = [
  [['purge'], /--before/],
  [['purge', '--before', 'yesterday'], /--before.*must be a date/],
  [['purge', '--before', '2024-02-30'], /must be a date/],
  [['purge', '--before', '2024-05-01T10:00:00'], /must be a date/],
  [['purge', '--before', '2999-01-01'], /must not be in the future/],
  [['purge', '--before', '2024-05-01', '--organization', ''], /--organization.*1 to 255 characters/],
  [['purge', '--before', '2024-05-01', '--dry'], /unknown option '--dry'/],
  [['purge', '--before', '2024-05-01', 'now'], /too many arguments/],
  [['erase', '--organization', 'acme'], /--customer-id/],
  [['erase', '--customer-id', 'c-1'], /--organization/],
  [['erase', '--organization', 'acme', '--customer-id', ''], /--customer-id/],
]

const exports: Rejections = [
  [['export', ...range], /--out/],
  [['export', ...range, '--out', 'x', '--organization', ''], /--organization.*must have/],
  [['export', ...range, '--out', 'x', '--customer-id', ''], /--customer-id.*must not be empty/],
  [['export', ...range, '--out', 'x', '--page', '1'], /unknown option '--page'/],
  [
    ['export', ...wrongRange, '--recording', 'x', '--on-hold-duration-gt', 'x', '--out', 'x'],
    /--start must be .*\n.*--recording must be .*\n.*--on-hold-duration-gt must be/,
  ],
]

const imports: Rejections = [
  [['import'], /missing required argument 'file'/],
  [['import', '/nowhere/at/all'], /ENOENT/],
  [['import', '--force', 'x'], /unknown option '--force'/],
]

const seeds: Rejections = [
  [['seed', '--count', '0'], /--count/],
  [['seed', '--count', 'many'], /--count/],
  [['seed', '--seed', '-1'], /--seed/],
  [['seed', '--until', '2026-02-30T00:00:00Z'], /--until/],
  [['seed', '--until', '2026-01-31T00:00:00'], /--until/],
  [['seed', '--organization', ''], /--organization/],
  [['seed', '--bogus'], /--bogus/],
]

const all = [
  ...removals.map((one) => [...one, addRemovalCommands] as const),
  ...exports.map((one) => [...one, addExportCommand] as const),
  ...imports.map((one) => [...one, addImportCommand] as const),
  ...seeds.map((one) => [...one, addSeedCommand] as const),
]

test.each(all)('%j is rejected', async (parameters, message, add) => {
  const { error, printed } = await runCommandLine(add, parameters)
  expect(error).toMatchObject({ message: expect.stringMatching(message) })
  expect(printed).toEqual([])
})
