// The service as a stranger runs it: a process of its own, reached over HTTP.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

const executable = path.join(import.meta.dirname, '..', '..', 'bin', 'interaction-api.js')

export interface RunningService {
  readonly process: ChildProcess
  readonly baseUrl: string
  /** what it printed on standard output until it was ready, and on standard error until now */
  readonly output: string
  errors(): string
  /** @returns the exit code */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Runs the command with these settings beside the environment's PATH and HOME. */
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

/** A shell waits on a pipe for this process to end, kill -9 included, and ends the child then. */
function endWithThisProcess(child: ChildProcess): void {
  if (child.pid === undefined) return
  const watcher = spawn('/bin/sh', ['-c', 'read -r over || kill -KILL "$1"', 'sh', `${child.pid}`], {
    // its own process group: ctrl-C must not end it
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.stdin.on('error', () => {})
  watcher.unref()
  child.once('exit', () => watcher.stdin.end('over\n'))
}

/** Runs the command to its end. */
export async function finishCommand(parameters: readonly string[], environment: Record<string, string>) {
  const child = runCommand(parameters, environment)
  const [output, errors] = [collect(child.stdout), collect(child.stderr)]
  const [code] = await once(child, 'close')
  return { code, output: output(), errors: errors() }
}

/**
 * Starts the service and waits until it answers.
 * @throws Error with what it printed when it ends instead
 */
export function startService(
  environment: Record<string, string>,
  ...options: readonly string[]
): Promise<RunningService> {
  return startInstalled(executable, environment, ...options)
}

/** The same, by the command of another installation. */
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
