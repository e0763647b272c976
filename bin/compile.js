// Compiles src/ to dist/ if anything changed since the last time: before the command of a checkout runs, and in
// `prepare`, so that a package that is made from a checkout holds the compiled files.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const sources = path.join(root, 'src')
const output = path.join(root, 'dist')
const stamp = path.join(output, '.tsbuildinfo')

if (process.argv[1] === import.meta.filename && !compile()) process.exitCode = 1

/** @returns false when the sources do not compile; the compiler has printed why */
export function compile() {
  if (isUpToDate()) return true
  const compiler = findCompiler()
  if (compiler === undefined) {
    process.stderr.write('TypeScript is not installed: dist/ is left as it is\n')
    return existsSync(path.join(output, 'cli.js'))
  }
  // without the files that it describes, the compiler would take them for up to date
  if (!existsSync(path.join(output, 'cli.js'))) rmSync(stamp, { force: true })
  process.stderr.write('compiling the sources …\n')
  const began = new Date()
  const { status } = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  })
  if (status !== 0) return false
  utimesSync(stamp, began, began)
  return true
}

/** @returns undefined in an installation for production */
function findCompiler() {
  try {
    const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
    return path.join(path.dirname(typescript), 'bin', 'tsc')
  } catch {
    return undefined
  }
}

// Includes the folders: deleting a file changes the time of its folder.
function isUpToDate() {
  if (!existsSync(path.join(output, 'cli.js'))) return false
  const compiled = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((file) =>
    path.join(root, file),
  )
  const files = readdirSync(sources, { recursive: true }).map((file) => path.join(sources, file))
  return [sources, ...files, ...settings].every((file) => statSync(file).mtimeMs < compiled)
}
