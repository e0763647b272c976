// Every command of the documentation is run, in order, as whoever reads a page would type it: into a real shell, with
// real servers; and what the page shows behind it is what comes.
import { expect, onTestFinished, test } from 'vitest'
import { isShown, readBlocks } from './support/page.ts'
import { openTerminal } from './support/terminal.ts'

test.each([
  { page: 'README.md', isInstalled: false, isOrdinaryUser: false },
  { page: 'docs/integrators.md', isInstalled: true, isOrdinaryUser: false },
  { page: 'docs/local-twin.md', isInstalled: true, isOrdinaryUser: false },
  { page: 'docs/maintainers.md', isInstalled: true, isOrdinaryUser: false },
  { page: 'docs/operators.md', isInstalled: true, isOrdinaryUser: true },
])('$page can be typed along', async ({ page, ...options }) => {
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
    // the line that the service prints to be pasted
    const [pasted] = isServer ? (/^curl .*$/m.exec(output) ?? []) : []
    if (pasted !== undefined)
      expect(await terminal.type(pasted)).toMatch(/^{"interactionId":"[^"]+","version":0}$/)
    const shown = blocks[index + 1]
    if (shown?.language === 'text' || shown?.language === 'json')
      expect(isShown(shown.text, output), `${page}:${shown.line} shows other than\n${output}`).toBe(true)
  }
})

/** What takes an engine that is not everywhere, or what is run by itself: each a command that no page's test types. */
const notRun =
  /^(cp \.env\.example \.env && )?docker compose|^npm (test|run (check|test:faults|test:docs|test:page|bench|bench:scale))$/

test('few commands are left out, and each for a reason', () => {
  const pages = [
    'README.md',
    'docs/integrators.md',
    'docs/local-twin.md',
    'docs/maintainers.md',
    'docs/operators.md',
  ]
  const leftOut = pages.flatMap((page) => readBlocks(page).filter(({ language }) => language === 'console'))

  expect(leftOut.flatMap(({ text }) => text.trim().split('\n')).filter((line) => !notRun.test(line))).toEqual(
    [],
  )
})
