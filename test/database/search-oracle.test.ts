// Every page of every search equals the page of a simple in-memory model.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amount } from '../support/amount.ts'
import { startTestApp } from '../support/app.ts'
import { query, storeInteractions } from '../support/make.ts'
import {
  compareDecimals,
  type Json,
  type ModelInteraction,
  type ModelOrder,
  type ModelSearch,
  modelPage,
  searchModel,
} from '../support/search-model.ts'
import { agentToken, serviceToken } from '../support/tokens.ts'
import { everyFilter, everyShape } from './support/every-shape.ts'
import { interactions, organizations, type Style, searches, style } from './support/search-arbitraries.ts'

const { call, database } = await startTestApp()
const tokens = { service: serviceToken(), agent: organizations.map((name) => agentToken(name)) }

const plain: Style = { offset: 0, isRepeated: false, space: '', isEscaped: false }

const sizes = fc.constantFrom(1, 2, 3, 5, 8, 20, 2000)

describe('a search', () => {
  test('as SERVICE returns the pages of the model', async () => {
    const pagedSearch = fc.tuple(searches, sizes, style)
    await fc.assert(
      fc.asyncProperty(
        interactions,
        style,
        fc.array(pagedSearch, { maxLength: 8 }),
        async (rows, how, pagedSearches) => {
          await replaceAll(rows, how)
          for (const [search, size, written] of pagedSearches)
            await expectPages(rows, search, parameters(search, written), size, tokens.service)
        },
      ),
      { numRuns: amount(100) },
    )
  })

  test("as AGENT returns the model's pages for the agent's organization", async () => {
    const pagedSearch = fc.tuple(
      searches,
      sizes,
      style,
      fc.nat({ max: organizations.length - 1 }),
      fc.boolean(),
    )
    await fc.assert(
      fc.asyncProperty(
        interactions,
        style,
        fc.array(pagedSearch, { maxLength: 8 }),
        async (rows, how, pagedSearches) => {
          await replaceAll(rows, how)
          for (const [search, size, written, agentIndex, namesOrganization] of pagedSearches) {
            const own = { ...search, organizationId: organizations[agentIndex] }
            const requested = {
              ...search,
              organizationId: namesOrganization ? organizations[agentIndex] : undefined,
            }
            await expectPages(rows, own, parameters(requested, written), size, tokens.agent[agentIndex] ?? '')
          }
        },
      ),
      { numRuns: amount(100) },
    )
  })

  test('with each single filter returns the pages of the model for all shapes of data', async () => {
    await replaceAll(everyShape, plain)
    for (const filter of everyFilter) {
      const search = { start: 0n, end: 10n ** 19n, sort: [], ...filter }
      await expectPages(everyShape, search, parameters(search, plain), 100, tokens.service)
    }
  })

  test('without a sort returns the newest first, 20 per page by default', async () => {
    const rows = Array.from({ length: 45 }, (_, number) => ({
      ...{ id: `id-${number}`, organizationId: 'acme', createdBy: 'agent-1', type: null, version: 0 },
      createdAt: Date.parse('2025-01-20T22:00:00.000Z') + (number % 7),
      data: [],
    }))
    await replaceAll(rows, plain)
    const expected = searchModel(rows, { start: 0n, end: 10n ** 20n, sort: [] }).map(({ id }) => id)
    const reply = await call(tokens.service, 'GET', `?start=2025-01-20T22:00:00Z&end=2025-01-20T22:00:01Z`)
    const { content, ...page } = reply.json()
    expect(ids(content)).toEqual(expected.slice(0, 20))
    expect(ids(content)[0]).toBe('id-6')
    expect(page).toEqual(modelPage(45, 0, 20, false))
  })
})

test('the model compares decimal numbers exactly', () => {
  expect(compareDecimals('9007199254740993', '9007199254740992')).toBe(1)
  expect(compareDecimals('-0', '0.0')).toBe(0)
  expect(compareDecimals('1e99', '9.9E98')).toBe(1)
  expect(compareDecimals('-1.5', '-1.49')).toBe(-1)
})

async function expectPages(
  rows: readonly ModelInteraction[],
  search: ModelSearch,
  requested: Record<string, string | readonly string[]>,
  size: number,
  token: string,
): Promise<void> {
  const expected = searchModel(rows, search).map(({ id }) => id)
  const found: string[] = []
  for (let page = 0; page <= Math.ceil(expected.length / size); page++) {
    const reply = await call(token, 'GET', query({ ...requested, page: `${page}`, size: `${size}` }))
    expect(reply.statusCode, reply.body).toBe(200)
    const { content, ...rest } = reply.json()
    expect(ids(content)).toEqual(expected.slice(page * size, (page + 1) * size))
    expect(rest).toEqual(modelPage(expected.length, page, size, search.sort.length > 0))
    found.push(...ids(content))
  }
  expect(found).toEqual(expected)
}

const ids = (content: readonly { id: string }[]) => content.map(({ id }) => id)

async function replaceAll(rows: readonly ModelInteraction[], how: Style): Promise<void> {
  await database.kysely.deleteFrom('interactions').execute()
  const stored = rows.map((row) => ({ ...row, data: jsonText({ members: row.data }, how) }))
  await storeInteractions(database.kysely, stored)
}

/** Returns the query parameters of a search, written in a style. */
function parameters(search: ModelSearch, how: Style): Record<string, string | readonly string[]> {
  const list = (values: readonly string[] | undefined) => (how.isRepeated ? values : values?.join(','))
  const given = Object.entries({
    start: momentText(search.start, how),
    end: momentText(search.end, how),
    organizationId: search.organizationId,
    type: list(search.types),
    userId: search.userId,
    recording: list(search.recording),
    customerId: search.customerId,
    conferenceId: search.conferenceId,
    tags: list(search.tags),
    onHoldDurationGt: search.onHoldDurationGt,
    onHoldDurationLt: search.onHoldDurationLt,
    sort: sortTexts(search.sort),
  })
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/** Adjacent orders with the same direction share a parameter. */
function sortTexts(orders: readonly ModelOrder[]): string[] {
  const texts: string[] = []
  let previous = ''
  for (const { property, direction, ignoreCase } of orders) {
    const ending = `,${direction}${ignoreCase ? ',ignorecase' : ''}`
    const last = ending === previous ? texts.pop() : undefined
    texts.push(
      last === undefined ? property + ending : `${last.slice(0, -ending.length)},${property}${ending}`,
    )
    previous = ending
  }
  return texts
}

/** Formats a time with as few fraction digits as possible, or with all nine if the style repeats. */
function momentText(nanoseconds: bigint, { offset, isRepeated }: Style): string {
  const local = new Date(Number(nanoseconds / 1_000_000n) + offset * 60_000).toISOString()
  const digits = local.slice(20, 23) + String(nanoseconds % 1_000_000n).padStart(6, '0')
  const fraction = isRepeated ? digits : digits.replace(/0+$/, '')
  const twoDigits = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const size = Math.abs(offset)
  const zone = `${offset < 0 ? '-' : '+'}${twoDigits(size / 60)}:${twoDigits(size % 60)}`
  return `${local.slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}${offset === 0 ? 'Z' : zone}`
}

function jsonText(value: Json, how: Style): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return how.isEscaped ? escaped(value) : JSON.stringify(value)
  if ('digits' in value) return value.digits
  const { space } = how
  if ('items' in value) return `[${space}${value.items.map((item) => jsonText(item, how)).join(`${space},`)}]`
  const members = value.members.map(([name, item]) => `${jsonText(name, how)}:${space}${jsonText(item, how)}`)
  return `{${members.join(`${space},${space}`)}${space}}`
}

/** Escapes each code unit that is not an ASCII letter or digit. */
function escaped(text: string): string {
  const unit = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `"${text.replace(/[^A-Za-z0-9]/g, unit)}"`
}
