// `totals`: checks or drops the kept totals, which searches add up instead of counting rows.
import type { Command } from 'commander'
import { dropTotals } from '../totals/counting.ts'
import { findDifferences } from '../totals/verify.ts'
import { type Terminal, withDatabase } from './terminal.ts'

export function addTotalsCommands(program: Command, terminal: Terminal): void {
  const totals = program
    .command('totals')
    .description('check or drop the kept totals, which searches add up instead of counting')

  totals
    .command('verify')
    .description(
      'recount everything and print each difference, one JSON object per line; exit code 1 if there are any',
    )
    .action(() =>
      withDatabase(terminal, async (database) => {
        const differences = await findDifferences(database)
        for (const difference of differences) terminal.print(JSON.stringify(difference))
        if (differences.length > 0)
          throw new Error(`${differences.length} totals are wrong; run "totals recount" to drop them`)
        terminal.print('All totals are correct.')
      }),
    )

  totals
    .command('recount')
    .description(
      'drop the totals; a running server counts again, and until then each search counts its own total',
    )
    .action(() =>
      withDatabase(terminal, async (database) => {
        await dropTotals(database)
        terminal.print('Dropped all totals.')
      }),
    )
}
