import { defineConfig } from 'vitest/config'

const suite = (name: string, globalSetup: string[] = [], timeout = 30_000) => ({
  // openapi-typescript builds its text with the compiler's API, which TypeScript 7 does not have
  resolve: { alias: { typescript: '@typescript/typescript6' } },
  test: {
    name,
    server: { deps: { inline: ['openapi-typescript'] } },
    include: [`test/${name}/**/*.test.ts`],
    globalSetup,
    testTimeout: timeout,
    hookTimeout: timeout,
  },
})

export default defineConfig({
  test: {
    projects: [
      suite('unit'),
      suite('http', ['test/support/postgres-setup.ts']),
      suite('database', ['test/support/postgres-setup.ts']),
      suite('contract', ['test/support/service-setup.ts']),
      suite('process', ['test/support/build-setup.ts']),
      suite('docs', ['test/support/build-setup.ts'], 1_800_000),
      suite('browser', ['test/support/build-setup.ts'], 120_000),
      suite('faults', ['test/support/build-setup.ts'], 1_800_000),
    ],
  },
})
