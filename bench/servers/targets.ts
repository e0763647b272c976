// The servers under test, each a process of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { privateKeyPem, publicKeyPem } from './tokens.ts'

export interface Target {
  readonly name: string
  readonly baseUrl: string
  readonly pid: number
  /** from the start of the process to its first response */
  readonly readyMilliseconds: number
  /** Ends the process by SIGTERM and waits for it. */
  stop(): Promise<void>
}

const compiled = path.join(import.meta.dirname, '..')

/** The root of the checkout that this file belongs to. */
export const thisCheckout = path.join(compiled, '..', '..', '..')

/** Starts Fastify with the token check and no database. */
export const startCeiling = () => start('ceiling', [path.join(compiled, 'servers', 'ceiling.js')], {})

export const startBaseline = (databaseUrl: string) =>
  start('baseline', [path.join(compiled, 'baseline', 'server.js')], { DATABASE_URL: databaseUrl })

interface ServiceOptions {
  readonly checkout?: string
  readonly name?: string
  readonly settings?: Readonly<Record<string, string>>
}

/** Starts the service of a checkout on a database, with the arguments of its `npm start`. */
export const startService = (
  databaseUrl: string,
  { checkout = thisCheckout, name = 'interaction-api', settings = {} }: ServiceOptions = {},
) => start(name, startArguments(checkout), { DATABASE_URL: databaseUrl, ...settings })

/** Returns the arguments that the checkout's start script (`exec node …`) passes to Node. */
function startArguments(checkout: string): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(checkout, 'package.json'), 'utf8'))
  const [, , ...parameters]: string[] = scripts.start.split(' ')
  return parameters.map((one) => (one.startsWith('bin/') ? path.join(checkout, one) : one))
}

async function start(
  name: string,
  parameters: string[],
  environment: Record<string, string>,
): Promise<Target> {
  const port = await freePort()
  const began = performance.now()
  const child = spawn(process.execPath, parameters, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env.PATH ?? '',
      PORT: String(port),
      LOG_LEVEL: 'warn',
      JWT_PRIVATE_KEY: privateKeyPem,
      JWT_PUBLIC_KEY: publicKeyPem,
      ...environment,
    },
  })
  const baseUrl = `http://127.0.0.1:${port}`
  await untilListening(baseUrl, child)
  const readyMilliseconds = performance.now() - began
  return {
    name,
    baseUrl,
    pid: child.pid ?? 0,
    readyMilliseconds,
    async stop() {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** Starts the servers one after the other, and stops all of them after the work. */
export async function withTargets(
  starts: readonly (() => Promise<Target>)[],
  work: (targets: readonly Target[]) => Promise<void>,
): Promise<void> {
  const targets: Target[] = []
  try {
    for (const start of starts) targets.push(await start())
    await work(targets)
  } finally {
    for (const target of targets) await target.stop()
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/** @throws Error when the process ends before it responds */
async function untilListening(baseUrl: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The server ended with exit code ${child.exitCode}.`)
    const responded = await fetch(`${baseUrl}/health/live`).then(
      () => true,
      () => false,
    )
    if (responded) return
    await sleep(5)
  }
}
