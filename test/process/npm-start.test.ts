// `npm start` as a person or a service manager ends it: the signal reaches the whole process group, and npm sends it again.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { amount } from '../support/amount.ts'
import { askForToken } from '../support/ask-for-token.ts'
import { createInteraction, dataDirectory, demoClients, postgresPid } from './support/caller.ts'

const repository = path.join(import.meta.dirname, '..', '..')

/** Runs `npm start` in a process group of its own, as a terminal does, and waits until it is ready. */
async function npmStart(folder: string) {
  const { PATH = '', HOME = '' } = process.env
  const npm = spawn('npm', ['start'], {
    cwd: repository,
    detached: true,
    env: { PATH, HOME, PORT: '0', DATA_DIR: folder, SECRET_HASH_COST: '4' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => killGroup(npm))
  let output = ''
  let errors = ''
  npm.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const exited = once(npm, 'exit')
  for await (const chunk of npm.stdout) {
    output += String(chunk)
    if (output.includes('Try it:')) break
  }
  const [, baseUrl = ''] = /^Interaction API: (\S+)\/rtc-api/m.exec(output) ?? []
  return { npm, baseUrl, exited, errors: () => errors }
}

function killGroup({ pid = 0 }: ChildProcess): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // the group has ended
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Creates interactions on several connections until the service stops. */
async function load(baseUrl: string, folder: string) {
  const { token } = await askForToken(baseUrl, (await demoClients(folder)).agent)
  const callers = Array.from({ length: 8 }, async () => {
    for (;;) await createInteraction({ baseUrl }, token)
  })
  void Promise.allSettled(callers)
}

test.each([
  ['SIGINT', 'idle'],
  ['SIGTERM', 'idle'],
  ['SIGINT', 'under load'],
  ['SIGTERM', 'under load'],
] as const)(
  'npm start ends with exit code 0 on %s to its group, %s, and leaves nothing behind',
  async (signal, state) => {
    const folder = await dataDirectory()
    for (let round = 0; round < amount(2); round++) {
      const { npm, baseUrl, exited, errors } = await npmStart(folder)
      const postgres = await postgresPid(folder)
      if (state === 'under load') await load(baseUrl, folder)

      process.kill(-(npm.pid ?? 0), signal)

      expect(await exited, errors()).toEqual([0, null])
      expect(errors()).not.toMatch(/second SIG|"level":[56]0/)
      await expect.poll(() => isRunning(postgres), { timeout: 5000 }).toBe(false)
    }
  },
)
