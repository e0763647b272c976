// The floors of the house: what may import what, so that any file can be read without those above it.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

interface SourceFile {
  /** relative to src, with slashes */
  readonly name: string
  readonly folder: string
  readonly text: string
  /** the files of src that it imports */
  readonly imports: readonly string[]
}

/** Which floor a file is on; the first pattern that fits decides. */
const floors: readonly (readonly [RegExp, number])[] = [
  [/^cli\.ts$/, 7],
  [/^commands\/[^/]+\.ts$/, 6],
  [/^twin\/[^/]+\.ts$/, 5],
  [/^(app|server)\.ts$/, 4],
  [/^((interactions|oauth)\/(routes|operations)|http\/(health|metrics))\.ts$/, 3],
  [
    /^http\/(caller|connections|errors|openapi|other-keys|provider-keys|(caller|process|request)-metrics)\.ts$/,
    2,
  ],
  [/^http\/(admission|body-memory|docs-page|docs-theme|unread-answers)\.ts$/, 2],
  [/^oauth\/(attempts|clients|credentials|demo-clients|secrets|schema|signing-key)\.ts$/, 2],
  [/^http\/(compression|cors|links|preconditions)\.ts$/, 1],
  [/^interactions\/[^/]+\.ts$/, 2],
  [/^totals\/[^/]+\.ts$/, 1],
  [/^(config|problem|json-text|rsa-key|secure-url|settings-reader|tracing)\.ts$/, 0],
  [/^database\/[^/]+\.ts$/, 0],
  // reached through database/embedded.ts alone
  [/^database\/embedded\/[^/]+\.ts$/, -1],
]

const rooms = ['interactions', 'oauth']

const root = path.join(import.meta.dirname, '..', '..', 'src')
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => readSource(path.relative(root, path.join(entry.parentPath, entry.name))))
const imports = files.flatMap((file) => file.imports.map((imported) => ({ file, imported })))

function readSource(relativePath: string): SourceFile {
  const name = relativePath.split(path.sep).join('/')
  const folder = path.posix.dirname(name)
  const text = readFileSync(path.join(root, relativePath), 'utf8')
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*(['"`])([^'"`\n]+)\1/g)].map(
    (match) => match[2] ?? '',
  )
  const own = specifiers.filter((specifier) => specifier.startsWith('.'))
  return { name, folder, text, imports: own.map((specifier) => path.posix.join(folder, specifier)) }
}

function floorOf(name: string): number {
  return floors.find(([pattern]) => pattern.test(name))?.[1] ?? Number.NaN
}

const roomOf = (name: string) => path.posix.dirname(name)

/** The way from a file back to itself, if there is one. */
function findCycle(name: string, way: readonly string[] = []): readonly string[] | undefined {
  if (way.includes(name)) return name === way[0] ? [...way, name] : undefined
  const imported = files.find((file) => file.name === name)?.imports ?? []
  return imported.map((next) => findCycle(next, [...way, name])).find((cycle) => cycle !== undefined)
}

/** The text without what is said about the code. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/(?<=^|\s)\/\/.*$/gm, '')
}

test('the house is found, with the imports of its files', () => {
  expect(files.length).toBeGreaterThan(25)
  expect(files.find((file) => file.name === 'server.ts')?.imports).toContain('database/migrations.ts')
  expect(imports.filter(({ imported }) => !files.some((file) => file.name === imported))).toEqual([])
})

test('every file has its floor', () => {
  expect(files.map((file) => file.name).filter((name) => Number.isNaN(floorOf(name)))).toEqual([])
})

test('a file imports from lower floors, or from its own folder', () => {
  const breaches = imports.filter(({ file, imported }) => {
    const sameFolder = file.folder === path.posix.dirname(imported)
    return sameFolder ? floorOf(imported) > floorOf(file.name) : !(floorOf(imported) < floorOf(file.name))
  })

  expect(breaches.map(({ file, imported }) => `${file.name} imports ${imported}`)).toEqual([])
})

test('no file imports itself, however far the way round', () => {
  expect(
    files.map((file) => findCycle(file.name)?.join(' → ')).filter((cycle) => cycle !== undefined),
  ).toEqual([])
})

test('rooms do not import each other, and are not imported by what they stand on', () => {
  const breaches = imports.filter(
    ({ file, imported }) =>
      [...rooms, 'http', 'totals', 'database'].includes(file.folder) &&
      rooms.includes(roomOf(imported)) &&
      roomOf(imported) !== file.folder,
  )

  expect(breaches.map(({ file, imported }) => `${file.name} imports ${imported}`)).toEqual([])
})

test('only the command line reads the environment and the arguments, writes to the terminal, or ends the process', () => {
  const door = /(?<![\w.])process\s*\.\s*(env|argv|exit|exitCode|abort|stdin|stdout|stderr|cwd|chdir)\b/

  expect(files.filter(({ text }) => door.test(withoutComments(text))).map((file) => file.name)).toEqual([
    'cli.ts',
  ])
})

test('beside the command line, only what runs a PostgreSQL of its own, and what measures, touches the process', () => {
  const touching = files.filter(({ text }) =>
    /(?<![\w.])process\s*(\?\.|\.|\[)|node:process/.test(withoutComments(text)),
  )

  expect(
    touching
      .filter(({ name }) => !/^database\/embedded/.test(name))
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['cli.ts', 'http/process-metrics.ts'])
})

test('no file is longer than 200 lines', () => {
  const lengths = files.map(({ name, text }) => ({ name, lines: text.trimEnd().split('\n').length }))

  expect(lengths.filter(({ lines }) => lines > 200)).toEqual([])
})

test('files are TypeScript, named in kebab-case', () => {
  expect(
    files.map((file) => file.name).filter((name) => !/^([a-z]+\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(name)),
  ).toEqual([])
})

test('there is no barrel, and no drawer for odds and ends', () => {
  const drawers = /(^|[/-])(index|utils?|helpers?|common|misc|shared)(\.ts$|\/|-)/
  const barrels = files.filter(({ text }) => /\bexport\s+(type\s+)?(\*|\{[^}]*\}\s+from\b)/.test(text))

  expect(files.map((file) => file.name).filter((name) => drawers.test(name))).toEqual([])
  expect(barrels.map((file) => file.name)).toEqual([])
})
