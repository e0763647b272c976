// How far a long command has come, on a terminal and elsewhere.
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { showProgress } from '../../src/commands/progress.ts'

function shown(isTerminal: boolean): string {
  const screen = Object.assign(new PassThrough(), { isTTY: isTerminal, columns: 100 })
  const progress = showProgress({ screen }, 'interactions', 400)
  progress.update(100)
  progress.stop()
  return String(screen.read() ?? '')
}

test('a terminal shows a bar, with how many there are and how many are done', () => {
  expect(shown(true)).toMatch(/25 % \| 100 of 400 interactions/)
})

test('what is no terminal gets nothing', () => {
  expect(shown(false)).toBe('')
})
