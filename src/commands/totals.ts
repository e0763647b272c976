// `totals`: checks or drops the kept totals, which searches add up instead of counting rows.
import type { Command } from 'commander'
import { dropTotals } from '../totals/counting.ts'
import { type Difference, findDifferences } from '../totals/verify.ts'
import { type Columns, jsonOption, printRows } from './results.ts'
import { type Terminal, withDatabase } from './terminal.ts'

const differenceColumns: Columns<Difference> = {
  ORGANIZATION: ({ organizationId }) => organizationId || '(all)',
  UNIT: ({ unit }) => unit,
  START: ({ start }) => start,
  KEPT: ({ kept }) => kept,
  COUNTED: ({ counted }) => counted,
}

export function addTotalsCommands(program: Command, terminal: Terminal): void {
  const totals = program
    .command('totals')
    .description('check or drop the kept totals, which searches add up instead of counting')

  totals
    .command('verify')
    .description('recount everything and print each difference; exit code 1 if there are any')
    .option(...jsonOption)
    .action(({ json }: { json?: true }) =>
      withDatabase(terminal, async (database) => {
        const differences = await findDifferences(database)
        if (differences.length > 0) {
          printRows(terminal, differences, differenceColumns, json)
          throw new Error(`${differences.length} totals are wrong; run "totals recount" to drop them`)
        }
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
