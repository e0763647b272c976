// Reads the commands and the expected output of a documentation page.
import { readFileSync } from 'node:fs'
import path from 'node:path'

export const repository = path.join(import.meta.dirname, '..', '..', '..')

export interface Block {
  /** `sh`: a command; `text` or `json` after it: its output; `console`: a command that no test runs */
  readonly language: string
  readonly text: string
  /** the number of its first line in the page */
  readonly line: number
}

/** Returns the fenced blocks of a page, in order. */
export function readBlocks(page: string): Block[] {
  const text = readFileSync(path.join(repository, page), 'utf8')
  return Array.from(text.matchAll(/^```(\w+)\n(.*?)^```$/gms), (match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }))
}

/** Returns whether the output matches the page. Ignores white space; `…` on the page matches any text. */
export function isShown(expected: string, output: string): boolean {
  const plain = (text: string) => text.replaceAll(/\s+/g, '')
  const parts = plain(expected)
    .split('…')
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*?')}$`, 's').test(plain(output))
}
