// A temporary directory that is deleted when this process ends, however it ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface TemporaryDirectory {
  readonly path: string
  /** Deletes the directory and its content. Idempotent. */
  remove(): Promise<void>
}

// A shell reads from a pipe whose only writer is this process, so the read ends when this process does, `kill -9`
// included. It tries again while a PostgreSQL that is shutting down still writes in the directory.
const watch = `
read -r _
tries=90
until rm -rf "$1" || [ $((tries -= 1)) -eq 0 ]; do sleep 1; done`

/** Creates a temporary directory for the current user alone. Needs a POSIX shell. */
export async function makeTemporaryDirectory(): Promise<TemporaryDirectory> {
  const directory = await mkdtemp(path.join(tmpdir(), 'interaction-api-ephemeral-'))
  // In its own session, where ctrl-C in a terminal does not reach it.
  const watcher = spawn('/bin/sh', ['-c', watch, 'sh', directory], {
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const gone = once(watcher, 'exit').catch(() => rm(directory, { recursive: true, force: true }))
  watcher.unref()
  return {
    path: directory,
    async remove() {
      watcher.ref()
      watcher.stdin.end()
      await gone
    },
  }
}
