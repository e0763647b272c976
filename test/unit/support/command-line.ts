// Runs a command in this process, without a database: valid arguments fail with ECONNREFUSED.
import { Command } from 'commander'
import type { Terminal } from '../../../src/commands/terminal.ts'

const unreachable = {
  DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
}

/**
 * Runs a command and returns its error and what it printed.
 * @param add adds the command and its subcommands
 */
export async function runCommandLine(
  add: (program: Command, terminal: Terminal) => void,
  parameters: readonly string[],
): Promise<{ error: unknown; printed: readonly string[] }> {
  const printed: string[] = []
  const program = new Command()
  add(program, {
    environment: unreachable,
    isInteractive: false,
    outputIsTerminal: false,
    write: async (text) => void printed.push(text),
    print: (line) => void printed.push(line),
    screen: process.stderr,
    interruption: () => AbortSignal.abort(),
    onHangup: () => {},
    collectGarbage: () => {},
    operator: 'root',
    onStopSignal: () => {},
  })
  for (const group of program.commands)
    for (const command of [group, ...group.commands])
      command.exitOverride().configureOutput({ writeErr: () => {} })
  const error = await program.parseAsync(parameters, { from: 'user' }).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { error, printed }
}
