// Reads the text of a JSON object without turning its values into JavaScript values, so that none of them loses a
// digit, a duplicate key or its order on the way through.

export interface JsonMembers {
  /** each member's name, unescaped, with its value's exact text; of duplicates the last, as PostgreSQL and JSON.parse have it */
  readonly members: ReadonlyMap<string, string>
  /** how many objects and arrays stand inside each other at the deepest place, this object included */
  readonly depth: number
}

/**
 * Takes the text of a JSON object apart into its members.
 * @param text valid JSON, as JSON.parse has accepted it
 * @returns undefined when the text is valid JSON, but no object
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
  return { members, depth: deepest }
}

/**
 * Whether a JSON text holds an escape that PostgreSQL's text cannot: `\u0000`, or half of a surrogate pair.
 * @param json valid JSON that came as valid UTF-8, so that only an escape can spell them
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

/** @returns the place behind the closing quote of the string that starts at `start` */
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

/** A number, true, false or null ends where the object goes on. */
function endOfScalar(text: string, start: number): number {
  let at = start
  while (text[at] !== ',' && text[at] !== '}' && !isSpace(text.charCodeAt(at))) at++
  return at
}
