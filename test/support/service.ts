// Runs the installed command in a separate process, as users do, and calls it over HTTP.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

const executable = path.join(import.meta.dirname, '..', '..', 'bin', 'interaction-api.js')

export interface RunningService {
  readonly process: ChildProcess
  readonly baseUrl: string
  /** the standard output so far */
  readonly output: string
  /** Returns the standard error so far. */
  errors(): string
  /** Ends the process, if it still runs, and returns the exit code: null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts the command with these settings. Of the environment, only PATH and HOME are passed on. */
export function runCommand(
  parameters: readonly string[],
  environment: Record<string, string>,
  command = executable,
): ChildProcess {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(process.execPath, [command, ...parameters], { env: { PATH, HOME, ...environment } })
  endWithThisProcess(child)
  return child
}

/** Ends the child when this process ends, even by kill -9: a shell waits for the end of the pipe from this process. */
function endWithThisProcess(child: ChildProcess): void {
  if (child.pid === undefined) return
  const watcher = spawn('/bin/sh', ['-c', 'read -r over || kill -KILL "$1"', 'sh', `${child.pid}`], {
    // A separate process group: ctrl-C must not end the shell.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.stdin.on('error', () => {})
  watcher.unref()
  child.once('exit', () => watcher.stdin.end('over\n'))
}

/** Runs the command until it ends. */
export async function finishCommand(parameters: readonly string[], environment: Record<string, string>) {
  const child = runCommand(parameters, environment)
  const [output, errors] = [collect(child.stdout), collect(child.stderr)]
  const [code] = await once(child, 'close')
  return { code, output: output(), errors: errors() }
}

/**
 * Starts the service and waits until it is ready.
 * @throws Error with the exit code and the output when it ends instead
 */
export function startService(
  environment: Record<string, string>,
  ...options: readonly string[]
): Promise<RunningService> {
  return startInstalled(executable, environment, ...options)
}

/** Starts the service like `startService`, with the command of another installation. */
export async function startInstalled(
  command: string,
  environment: Record<string, string>,
  ...options: readonly string[]
): Promise<RunningService> {
  const child = runCommand(
    ['serve', ...options],
    { PORT: '0', SECRET_HASH_COST: '4', ...environment },
    command,
  )
  const [output, errors] = [collect(child.stdout), collect(child.stderr)]
  const exited = once(child, 'exit')
  const ready = new Promise<string>((resolve) => {
    child.stdout?.on('data', () => {
      const [, url] = /^Interaction API: (\S+)\/rtc-api\/interactions\n/m.exec(output()) ?? []
      if (url !== undefined && output().includes('Documentation:')) resolve(url)
    })
  })
  const baseUrl = await Promise.race([
    ready,
    exited.then(([code]) => Promise.reject(new Error(`exit code ${code}\n${output()}\n${errors()}`))),
  ])
  return {
    process: child,
    baseUrl,
    get output() {
      return output()
    },
    errors,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal)
        await exited
      }
      return child.exitCode
    },
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return () => text
}
