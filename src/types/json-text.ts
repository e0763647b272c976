// Reads the text of a JSON object without turning its values into JavaScript values: numbers keep all digits, objects
// their duplicate keys and their order.

/** The exact text of a JSON value that is not a string. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** Whether it is an object or an array. */
  get isStructured(): boolean {
    return this.text.startsWith('{') || this.text.startsWith('[')
  }
}

/** The members of a JSON object. */
export class JsonMembers {
  /** the exact text of each member's value, by unescaped name; the last one of duplicates, as in PostgreSQL and JSON.parse */
  readonly members: ReadonlyMap<string, string>
  /** deepest nesting of objects and arrays, this object included */
  readonly depth: number

  constructor(members: ReadonlyMap<string, string>, depth: number) {
    this.members = members
    this.depth = depth
  }
}

/** Deepest nesting of objects and arrays that is accepted, as in Jackson. */
export const maximumDepth = 1000

/** Parses the text of a JSON object. @returns undefined when it is not one */
export function parseJsonObject(text: string): JsonMembers | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  return readJsonMembers(text)
}

/** Returns a member's value; undefined when it is missing or null. */
export function memberOf({ members }: JsonMembers, name: string): string | JsonText | undefined {
  const json = members.get(name)
  if (json === undefined || json === 'null') return undefined
  return json.startsWith('"') ? JSON.parse(json) : new JsonText(json)
}

/**
 * Splits the text of a JSON object into its members.
 * @param text valid JSON
 * @returns undefined when it is valid JSON, but not an object
 */
export function readJsonMembers(text: string): JsonMembers | undefined {
  const members = new Map<string, string>()
  let deepest = 1
  let at = skipSpace(text, 0)
  if (text[at] !== '{') return undefined
  at = skipSpace(text, at + 1)
  while (text[at] !== '}') {
    const nameEnd = endOfString(text, at)
    const name: string = JSON.parse(text.slice(at, nameEnd))
    const start = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const { end, depth } = endOfValue(text, start)
    members.set(name, text.slice(start, end))
    deepest = Math.max(deepest, depth + 1)
    at = skipSpace(text, end)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return new JsonMembers(members, deepest)
}

/**
 * Whether a JSON text has an escape that PostgreSQL cannot store: `\u0000`, or half of a surrogate pair.
 * @param json valid JSON from valid UTF-8, where only escapes can spell them
 */
export function hasUnstorableEscape(json: string): boolean {
  if (!json.includes('\\u')) return false
  let highEnd = -1
  for (const { 0: sequence, 1: hex, index } of json.matchAll(/\\(?:u([0-9a-fA-F]{4})|[^u])/g)) {
    const unit = hex === undefined ? -1 : Number.parseInt(hex, 16)
    const isLow = unit >= 0xdc00 && unit <= 0xdfff
    if (unit === 0 || isLow !== (highEnd === index)) return true
    if (highEnd !== -1 && !isLow) return true
    highEnd = unit >= 0xd800 && unit <= 0xdbff ? index + sequence.length : -1
  }
  return highEnd !== -1
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at++
  return at
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09
}

/** Returns the index after the closing quote of the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    let escapes = quote
    while (text[escapes - 1] === '\\') escapes--
    if ((quote - escapes) % 2 === 0) return quote + 1
    at = quote + 1
  }
}

function endOfValue(text: string, start: number): { end: number; depth: number } {
  if (text[start] === '"') return { end: endOfString(text, start), depth: 0 }
  let depth = 0
  let deepest = 0
  let at = start
  do {
    const character = text[at]
    if (character === '"') {
      at = endOfString(text, at)
      continue
    }
    if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth)
    else if (character === '}' || character === ']') depth--
    else if (depth === 0) return { end: endOfScalar(text, at), depth: 0 }
    at++
  } while (depth > 0)
  return { end: at, depth: deepest }
}

/** Returns the index after a number, true, false or null. */
function endOfScalar(text: string, start: number): number {
  let at = start
  while (text[at] !== ',' && text[at] !== '}' && !isSpace(text.charCodeAt(at))) at++
  return at
}
