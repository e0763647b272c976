// `seed`: stores sample interactions.
import type { Command } from 'commander'
import { storeSamples } from '../ephemeral/stored-samples.ts'
import { readIdentifier, readMoment, wholeNumber } from './arguments.ts'
import { type Terminal, withDatabase } from './terminal.ts'

interface SeedOptions {
  readonly organization: string
  readonly count: number
  readonly seed: number
  /** milliseconds since 1970 */
  readonly until?: number
}

export function addSeedCommand(program: Command, terminal: Terminal): void {
  program
    .command('seed')
    .description(
      'store sample interactions of the 30 days before a time; the same options store nothing twice',
    )
    .option('--organization <id>', 'organization of the samples', readIdentifier, 'demo-organization')
    .option('--count <number>', 'number of samples, up to 10,000,000', wholeNumber(1, 10_000_000), 100)
    .option('--seed <number>', 'the same seed gives the same samples', wholeNumber(0, 2 ** 32 - 1), 1)
    .option(
      '--until <date-time>',
      'end of the 30 days, such as 2026-01-31T00:00:00Z (default: now)',
      readMoment,
    )
    .action(({ organization: organizationId, until = Date.now(), ...rest }: SeedOptions) =>
      withDatabase(terminal, async ({ kysely }) => {
        const stored = await storeSamples(kysely, { organizationId, until: new Date(until), ...rest })
        terminal.print(`Stored ${stored} interactions for ${organizationId}.`)
      }),
    )
}
