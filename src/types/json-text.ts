// Reads the text of a JSON object without turning its values into JavaScript values: numbers keep all digits, objects
// their duplicate keys and their order.
import { isAscii } from 'node:buffer'
import { JsonScanner } from './json-scan.ts'

/** The exact text of a JSON value that is not a string. */
export class JsonText {
  readonly text: string
  /** whether it has an escape that PostgreSQL cannot store: `\u0000`, or half of a surrogate pair */
  readonly isUnstorable: boolean

  constructor(text: string, isUnstorable = false) {
    this.text = text
    this.isUnstorable = isUnstorable
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
  /** the names of members whose values PostgreSQL cannot store; undefined if there are none */
  readonly unstorable: ReadonlySet<string> | undefined

  constructor(members: ReadonlyMap<string, string>, depth: number, unstorable?: ReadonlySet<string>) {
    this.members = members
    this.depth = depth
    this.unstorable = unstorable
  }
}

/** Deepest nesting of objects and arrays that is accepted, as in Jackson. */
export const maximumDepth = 1000

/** The most members that an object may have at its top level, duplicates included (contract §7). */
export const maximumMembers = 1000

const quote = 0x22
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * Reads the text of a JSON object in one pass, which ends at the first error.
 * @param bytes UTF-8
 * @returns undefined when it is not a JSON object; `'too many members'` when it has more than `maximumMembers`, whatever
 *   follows
 */
export function parseJsonObject(bytes: Buffer): JsonMembers | 'too many members' | undefined {
  const ascii = isAscii(bytes) ? bytes.toString('latin1') : undefined
  const read = (start: number, end: number) => ascii?.slice(start, end) ?? bytes.toString('utf8', start, end)
  const scanner = new JsonScanner(bytes, ascii)
  const members = new Map<string, string>()
  let unstorable: Set<string> | undefined
  let at = scanner.skipSpace(0)
  if (bytes[at] !== openBrace) return undefined
  at = scanner.skipSpace(at + 1)
  for (let count = 1; bytes[at] !== closeBrace || count > 1; count++) {
    if (count > maximumMembers) return 'too many members'
    const start = scanner.startOfMember(at)
    if (start === -1) return undefined
    scanner.hasUnstorableEscape = false
    const end = scanner.endOfValue(start)
    if (end === -1) return undefined
    const name = readName(read, bytes, at)
    members.set(name, read(start, end))
    if (scanner.hasUnstorableEscape) unstorable = (unstorable ?? new Set()).add(name)
    else unstorable?.delete(name)
    at = scanner.skipSpace(end)
    if (bytes[at] === closeBrace) break
    if (bytes[at] !== comma) return undefined
    at = scanner.skipSpace(at + 1)
  }
  const isAll = scanner.skipSpace(at + 1) === bytes.length
  return isAll ? new JsonMembers(members, scanner.deepest + 1, unstorable) : undefined
}

/** Returns the unescaped name of the member that starts at an index. */
function readName(read: (start: number, end: number) => string, bytes: Buffer, start: number): string {
  const end = bytes.indexOf(quote, start + 1)
  const name = read(start + 1, end)
  return name.includes('\\') ? JSON.parse(read(start, new JsonScanner(bytes).endOfString(start))) : name
}

/** Returns a member's value; undefined when it is missing or null. */
export function memberOf({ members, unstorable }: JsonMembers, name: string): string | JsonText | undefined {
  const json = members.get(name)
  if (json === undefined || json === 'null') return undefined
  return json.startsWith('"') ? JSON.parse(json) : new JsonText(json, unstorable?.has(name))
}
