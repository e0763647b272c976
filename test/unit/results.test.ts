// Tables of commands: aligned as a terminal shows them, and without characters that a terminal obeys.
import { expect, test } from 'vitest'
import { type Columns, printRows } from '../../src/commands/results.ts'

const columns: Columns<{ readonly id: string; readonly count: number | null }> = {
  ID: ({ id }) => id,
  COUNT: ({ count }) => count,
}

function shown(ids: readonly string[], json?: true): readonly string[] {
  const lines: string[] = []
  const terminal = { outputIsTerminal: true, print: (line: string) => void lines.push(line) }
  const rows = ids.map((id, index) => ({ id, count: index === 0 ? null : index }))
  printRows(terminal, rows, columns, json)
  return lines
}

test('columns are aligned, also behind characters that are two columns wide', () => {
  expect(shown(['a', '東京', '🙂'])).toEqual(['ID    COUNT', 'a     -', '東京  1', '🙂    2'])
})

test('a table without rows has its titles', () => {
  expect(shown([])).toEqual(['ID  COUNT'])
})

test.each([
  ['an escape sequence', '\u001b[2J', '\\u{1b}[2J'],
  ['a line feed', 'a\nb', 'a\\u{a}b'],
  ['a character that reverses the text after it', 'a\u202eb', 'a\\u{202e}b'],
  ['a control character beyond the basic plane', '\u{e0001}', '\\u{e0001}'],
])('%s is shown escaped', (_, id, escaped) => {
  expect(shown([id])[1]).toBe(`${escaped}  -`)
  expect(JSON.parse(shown([id], true)[0] ?? '')).toEqual({ id, count: null })
})
