// A folder whose processes end with this process, however it ends: PostgreSQL outlives the Patroni that has started it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, readlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** The user of Debian's package if the tests run as root, which PostgreSQL refuses; otherwise the current one. */
const owner =
  process.geteuid?.() === 0
    ? { uid: idOf('postgres', '--user'), gid: idOf('postgres', '--group') }
    : undefined

function idOf(user: string, which: string): number {
  return Number(execFileSync('id', [which, user], { encoding: 'utf8' }))
}

// A shell reads from a pipe whose only writer is this process, so the read ends when this process does, `kill -9`
// included. Every process that works in the folder was started there; a frozen one ends by SIGKILL, too.
const watch = `
read -r _
tries=90
while
  for process in /proc/[0-9]*; do
    case $(readlink "$process/cwd") in "$1"|"$1"/*) kill -KILL "\${process#/proc/}" ;; esac
  done 2>/dev/null
  ! rm -rf "$1" && [ $((tries -= 1)) -gt 0 ]
do sleep 1; done`

export interface Folder {
  readonly path: string
  /** Creates a subfolder of the user as whom the programs run. */
  add(name: string): Promise<string>
  /** Starts a program as that user. Its output goes to `<name>.log`. It must not leave its folder. */
  start(name: string, program: string, parameters: readonly string[], folder?: string): ChildProcess
  /** Returns the last lines of what each program has logged. */
  logs(): Promise<string>
  /** Ends all processes that work in the folder, and deletes it. */
  remove(): Promise<void>
}

export async function makeFolder(): Promise<Folder> {
  const root = await mkdtemp(path.join(tmpdir(), 'interaction-api-cluster-'))
  chown(root)
  const watcher = spawn('/bin/sh', ['-c', watch, 'sh', root], {
    // in its own session, where ctrl-C in a terminal does not reach it
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const gone = once(watcher, 'exit')
  // this worker would go on for a while after the run was killed
  process.once('disconnect', () => process.exit(1))
  watcher.unref()
  return {
    path: root,
    async add(name) {
      const folder = path.join(root, name)
      await mkdir(folder, { mode: 0o700 })
      chown(folder)
      return folder
    },
    start(name, program, parameters, folder = root) {
      const log = openSync(path.join(root, `${name}.log`), 'a')
      const child = spawn(program, parameters, {
        cwd: folder,
        // Patroni keeps the password for its commands there: nodes and clusters must not share it.
        env: { PATH: '/usr/bin:/bin:/usr/sbin', LC_ALL: 'C.UTF-8', HOME: folder },
        stdio: ['ignore', log, log],
        ...owner,
      })
      closeSync(log)
      return child
    },
    async logs() {
      const files = (await readdir(root)).filter((name) => name.endsWith('.log'))
      const tails = files.map(async (name) => {
        const lines = (await readFile(path.join(root, name), 'utf8')).trimEnd().split('\n')
        return [`== ${name}`, ...lines.slice(-15)].join('\n')
      })
      return (await Promise.all(tails)).join('\n')
    },
    async remove() {
      watcher.ref()
      watcher.stdin.end()
      await gone
    },
  }
}

function chown(folder: string): void {
  if (owner !== undefined) execFileSync('chown', [`${owner.uid}:${owner.gid}`, folder])
}

/** Sends a signal to all processes that work in a folder. */
export async function signal(folder: string, name: NodeJS.Signals): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const worksIn = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (worksIn !== folder && !worksIn.startsWith(`${folder}/`)) continue
    try {
      process.kill(Number(pid), name)
    } catch {
      // it has ended in the meantime
    }
  }
}
