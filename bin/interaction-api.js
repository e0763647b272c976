#!/usr/bin/env node
// The executable. In a checkout it compiles src/ to dist/ first if anything changed. Packages and images contain only
// dist/.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
const sources = path.join(root, 'src')
const stamp = path.join(root, 'dist', '.tsbuildinfo')

if (existsSync(path.join(sources, 'cli.ts')) && !isUpToDate()) {
  const began = new Date()
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
  const compiler = path.join(path.dirname(typescript), 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(1)
  utimesSync(stamp, began, began)
}
// Tracing patches modules, so it must start before they are loaded.
const { startTracing } = await import('../dist/observability/tracing.js')
await startTracing(process.env)
await import('../dist/cli.js')

// Includes the folders: deleting a file changes the time of its folder.
function isUpToDate() {
  const compiled = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const settings = ['package.json', 'tsconfig.json', 'tsconfig.build.json'].map((file) =>
    path.join(root, file),
  )
  const files = readdirSync(sources, { recursive: true }).map((file) => path.join(sources, file))
  return [sources, ...files, ...settings].every((file) => statSync(file).mtimeMs < compiled)
}
