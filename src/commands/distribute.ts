// `distribute`: divides the interactions among the machines of a Citus cluster.
import type { Command } from 'commander'
import { checkWorkers, readDistribution } from '../database/schema/distribution.ts'
import { distributeInteractions } from '../interactions/distributed/distribute.ts'
import { wholeNumber } from './arguments.ts'
import { formatCount } from './results.ts'
import { type Terminal, withDatabase } from './terminal.ts'

export function addDistributeCommand(program: Command, terminal: Terminal): void {
  program
    .command('distribute')
    .description('divide the interactions among the machines of a Citus cluster; stop all servers before')
    .option('--shards <number>', 'into how many parts', wholeNumber(1, 4096), 32)
    .action(({ shards }: { shards: number }) =>
      withDatabase(terminal, async (database) => {
        const distribution = await readDistribution(database.kysely)
        if (distribution === 'unsupported')
          throw new Error(
            'the database has no Citus: install it on each machine, run "create extension citus" in the database ' +
              'there, and add the workers with citus_add_node',
          )
        await checkWorkers(database.kysely)
        if (distribution === 'distributed') return terminal.print('The interactions are distributed already.')
        await distributeInteractions(database, shards)
        terminal.print(`Distributed the interactions over ${formatCount(shards)} shards.`)
      }),
    )
}
