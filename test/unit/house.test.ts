// The layers of src/: which folder may import which, and how large files and folders may be.
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

/**
 * The folders of src/ from the lowest to the highest, and the files at its top. A file imports from lower layers, or
 * from its own folder.
 */
const layers = [
  'types',
  'config',
  'database',
  'database/batches',
  'database/schema',
  'embedded',
  'totals',
  'http',
  'http/limits',
  'http/bodies',
  'http/openapi',
  'observability/audit',
  'observability',
  'auth/clients',
  'auth',
  'auth/tokens',
  'interactions/sql',
  'interactions/distributed',
  'interactions',
  'app.ts',
  'server.ts',
  'ephemeral',
  'commands',
  'cli.ts',
]

const maximumLines = 200
const maximumFiles = 12

interface SourceFile {
  /** relative to src, with slashes */
  readonly name: string
  readonly folder: string
  readonly text: string
  /** the files of src that it imports */
  readonly imports: readonly string[]
}

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

/** Returns the layer of a file: the layer of its folder, or its own at the top of src/. */
function layerOf(name: string): number {
  const folder = path.posix.dirname(name)
  return layers.indexOf(folder === '.' ? name : folder)
}

/** Returns the path of imports from a file back to itself; undefined if there is none. */
function findCycle(name: string, trail: readonly string[] = []): readonly string[] | undefined {
  if (trail.includes(name)) return name === trail[0] ? [...trail, name] : undefined
  const imported = files.find((file) => file.name === name)?.imports ?? []
  return imported.map((next) => findCycle(next, [...trail, name])).find((cycle) => cycle !== undefined)
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/(?<=^|\s)\/\/.*$/gm, '')
}

test('the source files and their imports are found', () => {
  expect(files.length).toBeGreaterThan(25)
  expect(files.find((file) => file.name === 'server.ts')?.imports).toContain('database/schema/prepare.ts')
  expect(imports.filter(({ imported }) => !files.some((file) => file.name === imported))).toEqual([])
})

test('every file belongs to a layer', () => {
  expect(files.map((file) => file.name).filter((name) => layerOf(name) === -1)).toEqual([])
})

test('every layer has files', () => {
  expect(layers.filter((_, layer) => !files.some(({ name }) => layerOf(name) === layer))).toEqual([])
})

test('a file imports from lower layers, or from its own folder', () => {
  const violations = imports.filter(({ file, imported }) => layerOf(imported) > layerOf(file.name))

  expect(violations.map(({ file, imported }) => `${file.name} imports ${imported}`)).toEqual([])
})

test('no file imports itself through others', () => {
  expect(
    files.map((file) => findCycle(file.name)?.join(' → ')).filter((cycle) => cycle !== undefined),
  ).toEqual([])
})

test('only the command line reads the environment and the arguments, writes to the terminal, or ends the process', () => {
  const processState =
    /(?<![\w.])process\s*\.\s*(env|argv|exit|exitCode|abort|stdin|stdout|stderr|cwd|chdir)\b/

  expect(
    files.filter(({ text }) => processState.test(withoutComments(text))).map((file) => file.name),
  ).toEqual(['cli.ts'])
})

test('except for the command line, only the embedded PostgreSQL and the process metrics touch the process', () => {
  const touching = files.filter(({ text }) =>
    /(?<![\w.])process\s*(\?\.|\.|\[)|node:process/.test(withoutComments(text)),
  )

  expect(
    touching
      .filter(({ folder }) => folder !== 'embedded')
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['cli.ts', 'observability/process-metrics.ts'])
})

test(`no file has more than ${maximumLines} lines`, () => {
  const lengths = files.map(({ name, text }) => ({ name, lines: text.trimEnd().split('\n').length }))

  expect(lengths.filter(({ lines }) => lines > maximumLines)).toEqual([])
})

test(`no folder has more than ${maximumFiles} files`, () => {
  const folders = [...new Set(files.map(({ folder }) => folder))]
  const sizes = folders.map((folder) => ({
    folder,
    files: files.filter((file) => file.folder === folder).length,
  }))

  expect(sizes.filter((size) => size.files > maximumFiles)).toEqual([])
})

test('files are TypeScript, named in kebab-case', () => {
  expect(
    files.map((file) => file.name).filter((name) => !/^([a-z]+\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/.test(name)),
  ).toEqual([])
})

test('there are no barrel files and no catch-all files', () => {
  const catchAll = /(^|[/-])(index|utils?|helpers?|common|misc|shared)(\.ts$|\/)/
  const barrels = files.filter(({ text }) => /\bexport\s+(type\s+)?(\*|\{[^}]*\}\s+from\b)/.test(text))

  expect(files.map((file) => file.name).filter((name) => catchAll.test(name))).toEqual([])
  expect(barrels.map((file) => file.name)).toEqual([])
})
