// `totals`: the kept totals, which searches add up instead of counting.
import type { Command } from 'commander'
import { dropTotals } from '../totals/counting.ts'
import { findDifferences } from '../totals/verify.ts'
import { type Terminal, withDatabase } from './terminal.ts'

export function addTotalsCommands(program: Command, terminal: Terminal): void {
  const totals = program
    .command('totals')
    .description('the kept totals, which searches add up instead of counting')

  totals
    .command('verify')
    .description(
      'recount them and print each difference, one JSON object a line; exit code 1 when there is any',
    )
    .action(() =>
      withDatabase(terminal, async (database) => {
        const differences = await findDifferences(database)
        for (const difference of differences) terminal.print(JSON.stringify(difference))
        if (differences.length > 0)
          throw new Error(`${differences.length} totals are wrong; recount drops them`)
        terminal.print('All totals are right.')
      }),
    )

  totals
    .command('recount')
    .description('drop them; a running server counts them anew, and until then each search counts')
    .action(() =>
      withDatabase(terminal, async (database) => {
        await dropTotals(database)
        terminal.print('All totals are dropped.')
      }),
    )
}
