// A terminal as the reader of a page has it: a shell in a checkout of the repository, in which one block is typed after
// the other.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../../support/listening.ts'
import { repository } from './page.ts'

export interface Terminal {
  /**
   * Types a block, and waits until the prompt is back.
   * @returns what it wrote to standard output
   * @throws Error with all that it wrote when a command fails
   */
  type(block: string): Promise<string>
  /** Types into a terminal of its own what stays there, such as a server, and waits until it has written that. */
  leaveRunning(block: string, ready: string): Promise<string>
  /** Ends all that was started, and removes the folder. */
  close(): Promise<void>
}

interface Options {
  /** whether the packages are installed already */
  readonly isInstalled: boolean
  /** what PostgreSQL demands: who runs this, unless it is root */
  readonly isOrdinaryUser: boolean
}

/** Other ports stand in for those that the pages name, which may be taken here. */
const portsOfPages = ['8080', '8081', '8082', '5432', '5433', '6432', '8443']

export async function openTerminal({ isInstalled, isOrdinaryUser }: Options): Promise<Terminal> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interaction-api-docs-'))
  const files = ['-co', '--exclude-standard', '-z']
  const listed = execFileSync('git', ['ls-files', ...files], { cwd: repository })
  const archive = execFileSync('tar', ['-c', '--null', '-T', '-'], {
    cwd: repository,
    input: listed,
    maxBuffer: 2 ** 28,
  })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  if (isInstalled) symlinkSync(path.join(repository, 'node_modules'), path.join(folder, 'node_modules'))
  const user = isOrdinaryUser && process.geteuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  if (user.uid !== undefined) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, folder])

  const ports = new Map<string, string>()
  for (const port of portsOfPages) ports.set(port, String(await freePort()))
  const onFreePorts = (text: string) => text.replaceAll(/\b\d{4}\b/g, (number) => ports.get(number) ?? number)
  const asInPage = (text: string) =>
    [...ports].reduce((changed, [port, free]) => changed.replaceAll(free, port), text)

  const shells: ChildProcess[] = []
  const open = () => {
    // what npm's commands look up is no business of theirs here
    const npm = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' }
    const { PATH = '', HOME = '' } = process.env
    const env = {
      PATH,
      HOME: user.uid === undefined ? HOME : folder,
      LC_ALL: 'C.UTF-8',
      // the one that is taken by default
      PORT: ports.get('8080'),
      ...npm,
    }
    // a group of its own, to be ended with all that it started
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

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGTERM')
  } catch {
    // all of it has ended
  }
}

/** Keeps what a shell writes. */
function record(shell: ChildProcess) {
  let [output, all] = ['', '']
  const exited = once(shell, 'exit')
  let look = () => {}
  shell.stdout?.on('data', (chunk: Buffer) => {
    output += chunk
    all += chunk
    look()
  })
  shell.stderr?.on('data', (chunk: Buffer) => {
    all += chunk
  })
  return {
    output: () => output,
    until(isReached: (output: string) => boolean): Promise<void> {
      const reached = new Promise<void>((resolve) => {
        look = () => {
          if (isReached(output)) resolve()
        }
        look()
      })
      const failed = exited.then(([code]) => {
        throw new Error(`exit code ${code}\n${all}`)
      })
      return Promise.race([reached, failed])
    },
  }
}
