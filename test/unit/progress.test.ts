// The progress bar of long commands.
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { showProgress } from '../../src/commands/results.ts'

function outputOf(isTerminal: boolean): string {
  const screen = Object.assign(new PassThrough(), { isTTY: isTerminal, columns: 100 })
  const progress = showProgress({ screen }, 'interactions', 400)
  progress.update(100)
  progress.stop()
  return String(screen.read() ?? '')
}

test('a terminal shows a bar with the percentage, the number done and the total', () => {
  expect(outputOf(true)).toMatch(/25 % \| 100 of 400 interactions/)
})

test('nothing is written to an output that is not a terminal', () => {
  expect(outputOf(false)).toBe('')
})
