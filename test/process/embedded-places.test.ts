import { chmodSync, chownSync, readlinkSync, statSync, truncateSync } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  endServer,
  isRoot,
  makeTemporaryFolder,
  ordinaryUser,
  postmasterPid,
  query,
  start,
  temporaryFolder,
} from './support/embedded.ts'
import {
  copy,
  copyInstallation,
  platformPackage,
  sharedInstallation,
  startOwner,
} from './support/installation.ts'

const installation = sharedInstallation()

// Shared where possible: the first start takes much longer than later ones.
const sharedDirectory = makeTemporaryFolder()
beforeEach(() => onTestFinished(() => endServer(sharedDirectory)))
afterAll(() => rm(sharedDirectory, { recursive: true }))

const whenRoot = isRoot && process.platform === 'linux' ? test : test.skip
const one = 'select 1 as one'
const rowOfOne = [{ one: 1 }]

whenRoot('started by root, runs as another user in a folder that only root can enter', async () => {
  const dataDirectory = join(temporaryFolder(homedir()), 'data')

  const { url } = await start(dataDirectory)

  expect(await query(url, one)).toEqual(rowOfOne)
  expect(statSync(`/proc/${postmasterPid(dataDirectory)}`).uid).toBe(ordinaryUser?.uid)
})

whenRoot('started by root on the data directory of an ordinary user, runs as that user', async () => {
  const dataDirectory = folderOfOrdinaryUser()
  chownSync(dataDirectory, 1, 1)
  const first = await startOwner(installation, dataDirectory, { uid: 1, gid: 1 })
  expect(first.error).toBeUndefined()
  await first.stop()

  const { url } = await start(dataDirectory)

  expect(await query(url, one)).toEqual(rowOfOne)
  expect(statSync(`/proc/${postmasterPid(dataDirectory)}`).uid).toBe(1)
})

test('runs for an ordinary user', async () => {
  const dataDirectory = folderOfOrdinaryUser()

  const { url, error } = await startOwner(installation, dataDirectory, ordinaryUser)

  expect(error).toBeUndefined()
  expect(await query(url, one)).toEqual(rowOfOne)
  expect(await readdir(dataDirectory)).toEqual(['postgres', 'postgres-password'])
})

test('creates the symbolic links that are missing after an installation without install scripts', async () => {
  const plain = await copyInstallation(installation, { links: false })

  const { url, error } = await startOwner(plain, sharedDirectory)

  expect(error).toBeUndefined()
  expect(await query(url, one)).toEqual(rowOfOne)
  expect(readlinkSync(join(plain, 'node_modules', platformPackage, 'native/lib/libpq.so.5'))).toMatch(
    /^libpq\.so/,
  )
})

test('copies the programs once when an ordinary user cannot create the symbolic links', async () => {
  const plain = await copyInstallation(installation, { links: false })
  const libraries = join(plain, 'node_modules', platformPackage, 'native/lib')
  chmodSync(libraries, 0o555)
  onTestFinished(() => chmodSync(libraries, 0o755))
  const dataDirectory = folderOfOrdinaryUser()

  const first = await startOwner(plain, dataDirectory, ordinaryUser)
  expect(await query(first.url, one)).toEqual(rowOfOne)
  const [copy = ''] = (await readdir(dataDirectory)).filter((name) =>
    name.startsWith('interaction-api-postgresql-'),
  )
  const made = statSync(join(dataDirectory, copy)).ino
  await first.stop()
  const second = await startOwner(plain, dataDirectory, ordinaryUser)

  expect(await query(second.url, one)).toEqual(rowOfOne)
  expect(statSync(join(dataDirectory, copy)).ino).toBe(made)
  expect(await readdir(dataDirectory)).toEqual([copy, 'postgres', 'postgres-password'])
})

whenRoot('started by root from an installation that only root can enter, runs a copy of it', async () => {
  const hidden = await hiddenInstallation()
  const cache = await cacheOf(hidden)

  const { url, error } = await startOwner(hidden, sharedDirectory)

  expect(error).toBeUndefined()
  expect(await query(url, one)).toEqual(rowOfOne)
  expect(runningProgram()).toBe(join(cache, 'native/bin/postgres'))
})

whenRoot('never runs a copy that another user could have made', async () => {
  const hidden = await hiddenInstallation()
  const cache = await cacheOf(hidden)
  copy(join(hidden, 'node_modules', platformPackage), cache)
  chownSync(cache, 65_534, 65_534)

  const { error } = await startOwner(hidden, sharedDirectory)

  expect(error).toBeUndefined()
  expect(runningProgram()).toBe(join(`${cache}.1`, 'native/bin/postgres'))
})

whenRoot('never runs an incomplete copy', async () => {
  const hidden = await hiddenInstallation()
  const cache = await cacheOf(hidden)
  copy(join(hidden, 'node_modules', platformPackage), cache)
  truncateSync(join(cache, 'native/bin/initdb'), 10)
  copy(cache, `${cache}.1`)
  await rm(join(`${cache}.1`, 'native/bin/initdb'))

  const { error } = await startOwner(hidden, sharedDirectory)

  expect(error).toBeUndefined()
  expect(runningProgram()).toBe(join(`${cache}.2`, 'native/bin/postgres'))
})

test('names the solutions when the optional packages are not installed', async () => {
  const without = await copyInstallation(installation, { links: true })
  await rename(join(without, 'node_modules', platformPackage), join(without, 'away'))

  const { error } = await startOwner(without, sharedDirectory)

  expect(error).toContain('set DATABASE_URL or install optional dependencies')
})

function folderOfOrdinaryUser(): string {
  const folder = temporaryFolder()
  if (ordinaryUser !== undefined) chownSync(folder, ordinaryUser.uid, ordinaryUser.gid)
  return folder
}

async function hiddenInstallation(): Promise<string> {
  const folder = await copyInstallation(installation, { links: true })
  chmodSync(folder, 0o700)
  return folder
}

/** Returns the path of root's copy of an installation; the copy is deleted after the test. */
async function cacheOf(folder: string): Promise<string> {
  const name = `interaction-api-postgresql-0-${basename(folder)}`
  onTestFinished(async () => {
    const copies = (await readdir('/var/cache')).filter((entry) => entry.startsWith(name))
    for (const copied of copies) await rm(join('/var/cache', copied), { recursive: true })
  })
  return join('/var/cache', name)
}

function runningProgram(): string {
  return readlinkSync(`/proc/${postmasterPid(sharedDirectory)}/exe`)
}
