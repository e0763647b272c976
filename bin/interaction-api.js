#!/usr/bin/env node
// The executable. In a checkout it first compiles src/ into dist/ (incremental: nothing to do takes a fraction
// of a second), so that one command runs what the sources say; a package or an image carries dist/ only.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')
if (existsSync(path.join(root, 'src', 'cli.ts'))) {
  const typescript = createRequire(import.meta.url).resolve('typescript/package.json')
  const compiler = path.join(path.dirname(typescript), 'bin', 'tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', path.join(root, 'tsconfig.build.json')], {
    stdio: 'inherit',
  })
  if (status !== 0) process.exit(1)
}
await import('../dist/cli.js')
