// What the benchmark and the comparison share of the command line.
import path from 'node:path'
import type { Command } from 'commander'
import { operations } from './dataset/operations.ts'

export interface LoadOptions {
  readonly interactions: number
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
  readonly only?: string
  readonly data: string
  readonly out: string
}

/** Adds the options, with the default number of rounds and duration in seconds of each measurement. */
export function addLoadOptions(command: Command, defaults: { rounds: number; seconds: number }): Command {
  return command
    .option('--interactions <n>', 'interactions in each database, up to 10 million', Number, 1_000_000)
    .option('--rounds <n>', 'measurements of each operation and server', Number, defaults.rounds)
    .option('--seconds <n>', 'duration of each measurement, a whole number', Number, defaults.seconds)
    .option('--connections <n>', 'concurrent connections', Number, 32)
    .option(
      '--only <words>',
      'measure only operations whose names contain one of these words (comma-separated)',
    )
    .option('--data <folder>', 'folder of the filled databases', path.join('bench', '.data'))
    .option('--out <folder>', 'folder of the results', path.join('bench', 'results'))
}

/** Returns the operations that the option `--only` chooses; all without it. */
export function chooseOperations({ only }: LoadOptions) {
  return operations.filter(({ name }) => only?.split(',').some((word) => name.includes(word)) ?? true)
}

/** Prints a line of progress on standard error: the results are on standard output. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
