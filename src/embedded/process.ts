// Runs PostgreSQL's programs; none of them outlives this process by more than five seconds.
import { spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { type Account, programEnvironment } from './binaries.ts'

/** A running program of PostgreSQL. */
export interface Program {
  /** Resolves with the exit code (null after a signal) when the program and its children have ended; never rejects. */
  readonly ended: Promise<number | null>
  /** Emits each line of stderr. */
  readonly lines: Interface
  /** Returns the last 20 lines of stderr. */
  lastLines(): string
}

export interface LaunchOptions {
  /** The folder that the program works on. */
  readonly folder: string
  /** Returns the arguments, given the path under which the program sees the folder. */
  readonly args: (folder: string) => string[]
  readonly account: Account | undefined
  /** Text for stdin; empty by default. */
  readonly input?: string
  /** Interrupts the program; PostgreSQL then shuts down fast. */
  readonly signal?: AbortSignal
}

// The shell becomes the program and leaves a watcher in the program's process group. The watcher reads from a pipe whose
// only writer is this process, so the read ends when this process does, `kill -9` included. Then the watcher requests a
// fast shutdown, after two seconds an immediate one, and kills after three. The inner parentheses keep the watcher from
// being a child of PostgreSQL. No other process can get the program's id while its group has a member.
const watched = `
( (
  trap '' HUP INT QUIT TERM
  read -r _
  for signal in INT 0 QUIT KILL; do
    kill -0 $$ || exit
    kill -$signal -$$
    sleep 1
  done
) <&4 3>&- 4>&- >/dev/null 2>&1 & )
exec "$@" 4>&-`

/** Starts a program of PostgreSQL in its own session, where ctrl-C in a terminal does not reach it. */
export function launch(program: string, options: LaunchOptions): Program {
  const { folder, args, account, input = '', signal } = options
  // The account may not be able to enter the parents of the folder, so it inherits the open folder.
  const isInherited = account !== undefined && process.platform === 'linux'
  const descriptor = isInherited ? openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY) : 'ignore'
  const path = isInherited ? '/proc/self/fd/3' : folder
  const child = spawn('/bin/sh', ['-c', watched, 'sh', program, ...args(path)], {
    ...account,
    cwd: '/',
    detached: true,
    env: programEnvironment,
    stdio: ['pipe', 'ignore', 'pipe', descriptor, 'pipe'],
    signal,
    killSignal: 'SIGINT',
  })
  if (typeof descriptor === 'number') closeSync(descriptor)
  const { stdin, stderr, stdio } = child
  if (stdin === null || stderr === null) throw new Error('The system gave no pipes to PostgreSQL')
  // The program may end without reading.
  stdin.on('error', () => {})
  stdin.end(input)
  const lines = createInterface(stderr)
  const last: string[] = []
  lines.on('line', (line) => {
    last.push(line)
    if (last.length > 20) last.shift()
  })
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', () => stdio[4]?.destroy())
    child.once('close', resolve)
    child.on('error', (error) => {
      // With a process id, this is the abort signal: `close` follows.
      if (child.pid !== undefined) return
      last.push(error.message)
      resolve(null)
    })
  })
  return { ended, lines, lastLines: () => last.join('\n') }
}
