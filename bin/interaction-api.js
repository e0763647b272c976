#!/usr/bin/env node
// The executable. In a checkout it compiles src/ first if anything changed. Packages and images contain only dist/.
import { existsSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'

// Collects garbage before the heap grows far: with hundreds of connections the process takes much less memory.
setFlagsFromString('--heap-growing-percent=100')

if (existsSync(new URL('../src/cli.ts', import.meta.url))) {
  const { compile } = await import('./compile.js')
  if (!(await compile())) process.exit(1)
}
// Tracing patches modules, so it must start before they are loaded.
const { startTracing } = await import('../dist/observability/tracing.js')
await startTracing(process.env)
await import('../dist/cli.js')
