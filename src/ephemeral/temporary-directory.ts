// A folder in the system's temporary one that vanishes with this process, however it ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface VanishingFolder {
  readonly path: string
  /** Removes it now, with all that is in it. Idempotent. */
  remove(): Promise<void>
}

// A shell reads from a pipe whose other end this process holds, so it notices kill -9 as well. A PostgreSQL that was
// left behind in the folder is told to quit if /proc shows it there; elsewhere it does so within a minute, by itself,
// as its lock file is gone.
const watch = `
cat
read -r pid <"$1/postgres/postmaster.pid" && [ "/proc/$pid/cwd" -ef "$1/postgres" ] && kill -QUIT "$pid"
tries=90
until rm -rf "$1" || [ $((tries -= 1)) -eq 0 ]; do sleep 1; done`

/** Made for the current user alone. Needs a POSIX shell. */
export async function makeVanishingFolder(): Promise<VanishingFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interaction-api-ephemeral-'))
  // detached: the signal of ctrl-C goes to all processes of a terminal's foreground
  const watcher = spawn('/bin/sh', ['-c', watch, 'sh', folder], {
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const gone = once(watcher, 'exit').catch(() => rm(folder, { recursive: true, force: true }))
  watcher.unref()
  return {
    path: folder,
    async remove() {
      watcher.ref()
      watcher.stdin.end()
      await gone
    },
  }
}
