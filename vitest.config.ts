import { defineConfig } from 'vitest/config'

// No test measures speed, so a busy machine must not fail one.
const minute = 60_000

interface SuiteOptions {
  /** what runs once before the suite: test/support/<setup>-setup.ts */
  readonly setup?: string
  /** of each test and hook, in milliseconds */
  readonly timeout?: number
  /** how many files run at once; three keep two cores busy while some wait for PostgreSQL or for time to pass */
  readonly workers?: number
  /** the files, if they are not those of its folder */
  readonly include?: readonly string[]
  readonly exclude?: readonly string[]
  /** environment of the tests */
  readonly environment?: Readonly<Record<string, string>>
  /** suites of one group run side by side, those of a higher one after it */
  readonly group?: number
}

function suite(name: string, options: SuiteOptions = {}) {
  const { setup, timeout = 2 * minute, workers = 3, group = 0 } = options
  const { include = [`test/${name}/**/*.test.ts`], exclude = [], environment = {} } = options
  return {
    // openapi-typescript builds its text with the compiler's API, which TypeScript 7 does not have
    resolve: { alias: { typescript: '@typescript/typescript6' } },
    test: {
      name,
      server: { deps: { inline: ['openapi-typescript'] } },
      include: [...include],
      exclude: [...exclude],
      env: { ...environment },
      globalSetup: setup === undefined ? [] : [`test/support/${setup}-setup.ts`],
      testTimeout: timeout,
      hookTimeout: timeout,
      expect: { poll: { timeout: minute } },
      // The files of a suite share workers and loaded modules: loading them anew took longer than the tests.
      isolate: false,
      maxWorkers: workers,
      sequence: { groupOrder: group },
    },
  }
}

export default defineConfig({
  test: {
    projects: [
      suite('unit'),
      suite('http', { setup: 'postgres' }),
      suite('database', { setup: 'postgres' }),
      suite('contract', { setup: 'service' }),
      suite('smoke', { setup: 'build' }),
      suite('process', { setup: 'processes', group: 1 }),
      suite('distributed', {
        setup: 'distributed',
        group: 1,
        // the suites themselves try everything
        environment: { TEST_DISTRIBUTED: 'true', CI: 'false' },
        include: ['contract', 'database', 'distributed'].map((name) => `test/${name}/**/*.test.ts`),
        // about connections, clients, the schema, batches and kept totals, where nothing is distributed
        exclude: [
          'batches',
          'clients',
          'demotion',
          'former-migrations',
          'hosts',
          'hostile-requests',
          'interrupted-streams',
          'long-searches',
          'lost-connections',
          'migrations',
          'plans',
          'pooled-sessions',
          'read-only',
          'secret-rotation',
          'session',
          'shared-connection',
          'statement-eviction',
          'totals',
        ].map((name) => `test/database/${name}.test.ts`),
      }),
      suite('docs', { setup: 'build', workers: 1, group: 2, timeout: 30 * minute }),
      suite('browser', { setup: 'processes', workers: 1, group: 3 }),
      suite('pooler', { setup: 'postgres', workers: 1, group: 3 }),
      suite('faults', { setup: 'processes', workers: 2, group: 4, timeout: 30 * minute }),
      // alone: they tell what a caller sees while others attack
      suite('attacks', { setup: 'processes', workers: 1, group: 5, timeout: 30 * minute }),
      suite('cluster', { setup: 'build', workers: 1, group: 6, timeout: 10 * minute }),
    ],
  },
})
