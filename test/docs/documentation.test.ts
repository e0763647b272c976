// All pages of the documentation: valid links, every page reachable, a short README.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { repository } from './support/page.ts'

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: repository,
  encoding: 'utf8',
})
const pages = listed.split('\n').filter((page) => page !== '')

function read(page: string): string {
  return readFileSync(path.join(repository, page), 'utf8')
}

/** Returns the relative links of a page, as paths from the root of the repository. */
function linksOf(page: string): { target: string; anchor: string | undefined }[] {
  const withoutCode = read(page).replaceAll(/^```.*?^```$|`[^`\n]*`/gms, '')
  return Array.from(
    withoutCode.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g),
    ([, file, anchor]) => ({
      target: file ? path.posix.join(path.posix.dirname(page), file) : page,
      anchor,
    }),
  )
}

/** Returns the anchors that GitHub generates for the headings of a page. */
function anchorsOf(page: string): string[] {
  return Array.from(read(page).matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test.each(pages)('the links of %s point to existing files and headings', (page) => {
  const broken = linksOf(page).filter(
    ({ target, anchor }) =>
      !existsSync(path.join(repository, target)) ||
      (anchor !== undefined && !anchorsOf(target).includes(anchor)),
  )

  expect(broken).toEqual([])
})

test('every page can be reached from the README', () => {
  const reached = new Set<string>()
  const visit = (page: string) => {
    if (reached.has(page)) return
    reached.add(page)
    for (const { target } of linksOf(page)) if (target.endsWith('.md')) visit(target)
  }
  visit('README.md')

  expect(pages.filter((page) => !reached.has(page))).toEqual([])
})

test('the page on dependencies lists each dependency once', () => {
  const manifest: Record<'dependencies' | 'optionalDependencies', object> = JSON.parse(
    readFileSync(path.join(repository, 'package.json'), 'utf8'),
  )
  const rows = read('docs/dependencies.md').matchAll(/^\| (?!Package|-)([^|]+) \|/gm)
  const names = Array.from(rows, ([, cell = '']) => cell.replace(' (optional)', '').split(', ')).flat()

  expect(names.sort()).toEqual(
    Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort(),
  )
})

test('the README has at most 120 lines and 700 words', () => {
  const text = read('README.md')

  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(120)
  expect(text.trim().split(/\s+/).length).toBeLessThanOrEqual(700)
})
