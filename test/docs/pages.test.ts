// Runs every command of the documentation in order, in a real shell with real servers, and compares the output with
// the output on the page.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { isShown, readBlocks, repository } from './support/page.ts'
import { openTerminal } from './support/terminal.ts'

/** The pages with commands, and the terminal that each one needs. */
const pages = [
  { page: 'README.md', isInstalled: false, isOrdinaryUser: false, isPortTaken: true },
  { page: 'docs/commands.md', isInstalled: true, isOrdinaryUser: false },
  { page: 'docs/integrators.md', isInstalled: true, isOrdinaryUser: false },
  { page: 'docs/ephemeral.md', isInstalled: true, isOrdinaryUser: false },
  { page: 'docs/maintainers.md', isInstalled: true, isOrdinaryUser: false },
  { page: 'docs/operators.md', isInstalled: true, isOrdinaryUser: true },
  { page: 'docs/performance.md', isInstalled: true, isOrdinaryUser: false },
]

test.each(pages)('the commands of $page work', async ({ page, ...options }) => {
  const terminal = await openTerminal(options)
  onTestFinished(() => terminal.close())
  const blocks = readBlocks(page)
  expect(blocks.some(({ language }) => language === 'sh')).toBe(true)

  for (const [index, { language, text, line }] of blocks.entries()) {
    if (language !== 'sh') continue
    const isServer = /(?:npm start|interaction-api serve(?: --\w+)?)\n$/.test(text)
    const typed = isServer ? terminal.leaveRunning(text, 'Documentation:') : terminal.type(text)
    const output = await typed.catch((cause: unknown) => {
      throw new Error(`${page}:${line} fails`, { cause })
    })
    // the service prints a command that the user can paste
    const [pasted] = isServer ? (/^curl .*$/m.exec(output) ?? []) : []
    if (pasted !== undefined)
      expect(await terminal.type(pasted)).toMatch(/^{"interactionId":"[^"]+","version":0}$/)
    const shown = blocks[index + 1]
    if (shown?.language === 'text' || shown?.language === 'json')
      expect(isShown(shown.text, output), `${page}:${shown.line} differs from\n${output}`).toBe(true)
  }
})

/** Commands that need a container engine or a cluster, repeat an installation, run another suite, or measure. */
const notRun =
  /^docker compose |^kubectl |^(FAULTS_SEED=1 )?npx vitest run --project \w+( [\w-]+( -t \w+)?)?$|^npm (ci|test|install --save-dev git.*|run (check|fix|test:all|bench|bench:compare|bench:scale))$|^npx tsc -p bench\/tsconfig\.json && node bench\//

/** The lines of all commands that are not run. */
const linesNotRun = ['CONTRIBUTING.md', ...pages.map(({ page }) => page)].flatMap((page) =>
  readBlocks(page).flatMap(({ language, text }) => (language === 'console' ? text.trim().split('\n') : [])),
)

test('every command that is not run is a known exception', () => {
  expect(linesNotRun.filter((line) => !notRun.test(line))).toEqual([])
})

test('every test file that a command names exists', () => {
  const named = linesNotRun.flatMap((line) => [...line.matchAll(/--project (\w+) ([\w-]+)/g)])
  expect(named.length).toBeGreaterThan(3)
  for (const [command, project = '', name = ''] of named) {
    const files = readdirSync(path.join(repository, 'test', project))
    expect(
      files.some((file) => file.includes(name) && file.endsWith('.test.ts')),
      command,
    ).toBe(true)
  }
})
