// Runs PostgreSQL's programs.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { type Account, programEnvironment } from './binaries.ts'

/** A program of PostgreSQL that was started. */
export interface Running {
  readonly process: ChildProcess
  /** Settles when it and all its children have ended; never rejects. */
  readonly ended: Promise<void>
  hasEnded(): boolean
  /** The last lines it wrote on stderr. */
  lastLines(): string
}

/**
 * Starts a program of PostgreSQL on a folder, in its own process group: a terminal's ctrl-C must not end it.
 * @param args its arguments, given the path under which it sees the folder
 * @param signal interrupts it, which PostgreSQL takes for a fast shutdown
 */
export function launch(
  program: string,
  folder: string,
  account: Account | undefined,
  args: (folder: string) => string[],
  signal: AbortSignal,
): Running {
  // The account of a server started by root can't enter folders of root's: it gets this one as a descriptor.
  const viaDescriptor = account !== undefined && process.platform === 'linux'
  const descriptor = viaDescriptor ? openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY) : 'ignore'
  try {
    const child = spawn(program, args(viaDescriptor ? '/proc/self/fd/3' : folder), {
      ...account,
      cwd: '/',
      detached: true,
      env: programEnvironment,
      stdio: ['ignore', 'ignore', 'pipe', descriptor],
      signal,
      killSignal: 'SIGINT',
    })
    return follow(child)
  } finally {
    if (typeof descriptor === 'number') closeSync(descriptor)
  }
}

function follow(child: ChildProcess): Running {
  const lines: string[] = []
  const keep = (line: string) => {
    lines.push(line)
    if (lines.length > 20) lines.shift()
  }
  if (child.stderr !== null) createInterface(child.stderr).on('line', keep)
  let over = false
  const ended = new Promise<void>((settle) => {
    const end = () => {
      over = true
      settle()
    }
    child.once('close', end)
    // Without a pid it never started, else this is the abort signal's echo.
    child.on('error', (error) => {
      if (child.pid !== undefined) return
      keep(error.message)
      end()
    })
  })
  return { process: child, ended, hasEnded: () => over, lastLines: () => lines.join('\n') }
}
