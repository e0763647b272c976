// The pages of the documentation, as their reader sees them: what is to be typed, and what is then shown.
import { readFileSync } from 'node:fs'
import path from 'node:path'

export const repository = path.join(import.meta.dirname, '..', '..', '..')

export interface Block {
  /** `sh`: typed into a terminal; `text` or `json` right behind it: what that shows; `console`: not run by a test */
  readonly language: string
  readonly text: string
  /** the line of the page on which it begins */
  readonly line: number
}

/** The fenced blocks of a page, in order. */
export function readBlocks(page: string): Block[] {
  const text = readFileSync(path.join(repository, page), 'utf8')
  return Array.from(text.matchAll(/^```(\w+)\n(.*?)^```$/gms), (match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }))
}

/** Whether that is what the page shows: white space aside, and with anything in the place of `…`. */
export function isShown(expected: string, output: string): boolean {
  const plain = (text: string) => text.replaceAll(/\s+/g, '')
  const parts = plain(expected)
    .split('…')
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*?')}$`, 's').test(plain(output))
}
