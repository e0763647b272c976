// The servers under test: processes of their own, whose CPU time and memory the operating system tells.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { privateKeyPem, publicKeyPem } from './tokens.ts'

export interface Target {
  readonly name: string
  readonly baseUrl: string
  readonly pid: number
  /** from its start until it answered */
  readonly readyMilliseconds: number
  stop(): Promise<void>
}

const compiled = import.meta.dirname
const root = path.join(compiled, '..', '..', '..', '..')

/** Fastify with the token check, and no database. */
export const startCeiling = () => start('ceiling', [path.join(compiled, 'ceiling.js')], {})

export const startBaseline = (databaseUrl: string) =>
  start('baseline', [path.join(compiled, '..', 'baseline', 'server.js')], { DATABASE_URL: databaseUrl })

/** This service, as `npm start` runs it on a given database. */
export const startService = (databaseUrl: string) =>
  start('interaction-api', startParameters(), { DATABASE_URL: databaseUrl })

/** What the start script, `exec node …`, gives to Node, its files relative to the root. */
function startParameters(): string[] {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const [, , ...parameters]: string[] = scripts.start.split(' ')
  return parameters.map((one) => (one.startsWith('bin/') ? path.join(root, one) : one))
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
  await untilAnswers(baseUrl, child)
  const readyMilliseconds = performance.now() - began
  return {
    name,
    baseUrl,
    pid: child.pid ?? 0,
    readyMilliseconds,
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

async function untilAnswers(baseUrl: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with exit code ${child.exitCode}`)
    const answered = await fetch(`${baseUrl}/health/live`).then(
      () => true,
      () => false,
    )
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Clock ticks a second, in which /proc counts CPU time. */
const ticks = Number(execFileSync('getconf', ['CLK_TCK']).toString())

/** CPU time of a process and all below it that still run, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime, stime, and those of children that have ended
  const own = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  const children = childrenOf(pid).map(cpuMicrosecondsIfRunning)
  return (own * 1_000_000) / ticks + children.reduce((sum, child) => sum + child, 0)
}

/** Of one that has ended meanwhile, none: as PostgreSQL's workers do at any time. */
function cpuMicrosecondsIfRunning(pid: number): number {
  try {
    return cpuMicroseconds(pid)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return 0
    throw error
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((text) => text !== '')
    .map(Number)
}

/** The most memory that a process has had, in megabytes. */
export function peakMegabytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}
