// A shell in a copy of the repository that runs the blocks of a page in order, like a reader.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../../support/listening.ts'
import { repository } from './page.ts'

export interface Terminal {
  /**
   * Runs a block and waits until it ends.
   * @returns its standard output
   * @throws Error with all of its output when a command fails
   */
  type(block: string): Promise<string>
  /** Runs a block that does not end, such as a server, in a separate shell, and waits until its output contains `ready`. */
  leaveRunning(block: string, ready: string): Promise<string>
  /** Ends everything that was started and removes the folder. */
  close(): Promise<void>
}

interface Options {
  /** whether the packages are already installed, which compiles the sources as well */
  readonly isInstalled: boolean
  /** whether to run as an ordinary user, as PostgreSQL requires, when this process is root */
  readonly isOrdinaryUser: boolean
  /** whether the service is given no free port, and finds its default one taken */
  readonly isPortTaken?: boolean
}

/** The ports on the pages. They may be in use here, so each is replaced by a free one. */
const portsOfPages = ['8080', '8081', '8082', '5432', '5433', '6432', '8443']

export async function openTerminal({
  isInstalled,
  isOrdinaryUser,
  isPortTaken = false,
}: Options): Promise<Terminal> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interaction-api-docs-'))
  const files = ['-co', '--exclude-standard', '-z']
  const listed = execFileSync('git', ['ls-files', ...files], { cwd: repository, encoding: 'utf8' })
  const archive = execFileSync('tar', ['-c', '--null', '-T', '-'], {
    cwd: repository,
    input: isInstalled ? `${listed}dist\0` : listed,
    maxBuffer: 2 ** 28,
  })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  if (isInstalled) symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'))
  const user = isOrdinaryUser && process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  if (user.uid !== undefined) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, folder])

  const defaultPort = isPortTaken ? await takePort(8080) : undefined
  const ports = new Map<string, string>()
  for (const port of portsOfPages) ports.set(port, String(await freePort()))
  const onFreePorts = (text: string) => text.replaceAll(/\b\d{4}\b/g, (number) => ports.get(number) ?? number)
  const asInPage = (text: string) =>
    [...ports].reduce((changed, [port, free]) => changed.replaceAll(free, port), text)

  const shells: ChildProcess[] = []
  const open = () => {
    // npm must not send requests that the commands do not need
    const npm = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' }
    const { PATH = '', HOME = '' } = process.env
    const env = {
      PATH,
      HOME: user.uid === undefined ? HOME : folder,
      LC_ALL: 'C.UTF-8',
      // instead of the default port
      ...(isPortTaken ? {} : { PORT: ports.get('8080') }),
      ...npm,
    }
    // a separate process group, which can be ended as a whole
    const shell = spawn('bash', ['--norc', '--noprofile'], { cwd: folder, env, detached: true, ...user })
    shells.push(shell)
    shell.stdin.write('set -eu -o pipefail\n')
    return { shell, ...record(shell) }
  }
  const main = open()

  return {
    async type(block) {
      const from = main.output().length
      const prompt = `prompt ${from}`
      main.shell.stdin?.write(`{\n${onFreePorts(block)}\n} </dev/null\necho ${prompt}\n`)
      await main.until((text) => text.endsWith(`${prompt}\n`))
      return asInPage(main.output().slice(from, -prompt.length - 1))
    },
    async leaveRunning(block, ready) {
      const own = open()
      own.shell.stdin?.end(`${onFreePorts(block)}\n`)
      await own.until((text) => text.includes(ready))
      return asInPage(own.output())
    },
    async close() {
      defaultPort?.close()
      for (const { pid } of shells) if (pid !== undefined) endGroup(pid)
      for (const name of readdirSync(folder)) {
        const file = path.join(folder, name, 'postmaster.pid')
        if (existsSync(file)) process.kill(Number.parseInt(readFileSync(file, 'utf8'), 10), 'SIGQUIT')
      }
      await Promise.all(shells.map((shell) => shell.exitCode ?? shell.signalCode ?? once(shell, 'exit')))
      await rm(folder, { recursive: true, force: true, maxRetries: 50 })
    },
  }
}

/** Listens on a port, unless another process does, until the result is closed. */
async function takePort(port: number): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, '127.0.0.1')
  await once(server, 'listening').catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
  })
  return server
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM')
  } catch {
    // the group has already ended
  }
}

/** Records the output of a shell. */
function record(shell: ChildProcess) {
  let [output, all] = ['', '']
  const exited = once(shell, 'exit')
  let check = () => {}
  shell.stdout?.on('data', (chunk: Buffer) => {
    output += chunk
    all += chunk
    check()
  })
  shell.stderr?.on('data', (chunk: Buffer) => {
    all += chunk
  })
  return {
    output: () => output,
    until(isReached: (output: string) => boolean): Promise<void> {
      const reached = new Promise<void>((resolve) => {
        check = () => {
          if (isReached(output)) resolve()
        }
        check()
      })
      const failed = exited.then(([code]) => {
        throw new Error(`exit code ${code}\n${all}`)
      })
      return Promise.race([reached, failed])
    },
  }
}
