// Checks JSON texts (RFC 8259) and finds where their values end, without creating values. Accepts exactly what JSON.parse
// accepts, in one pass over the bytes and without recursion.

import { endOfScalar, hexDigit } from './json-scalar.ts'

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const letterU = 0x75
const openBrace = 0x7b
const closeBrace = 0x7d

/** Longer runs of plain characters in a string are skipped by a regular expression, which is faster from then on. */
const shortRun = 32
const plainCharacters = /[ !#-[\]-\u00ff]*/y

/** What each open container ends with, up to the usual depth. A deeper text gets an array of its own. */
const usualEnds = new Uint8Array(1024)

export class JsonScanner {
  /** deepest nesting of objects and arrays in the values so far */
  deepest = 0
  /** whether an escape in the values so far is one that PostgreSQL cannot store: `\u0000`, or half of a surrogate pair */
  hasUnstorableEscape = false
  readonly #bytes: Buffer
  /** the same indexes as the bytes */
  #latin1: string | undefined
  #ends = usualEnds
  /** where the second half of a surrogate pair must start; -1 otherwise */
  #lowStart = -1

  /**
   * @param bytes UTF-8
   * @param ascii their text, if they are ASCII
   */
  constructor(bytes: Buffer, ascii?: string) {
    this.#bytes = bytes
    this.#latin1 = ascii
  }

  /** Returns the index of the first byte that is no white space; the length if there is none. */
  skipSpace(from: number): number {
    // small, so that it is inlined
    return (this.#bytes[from] ?? 0) > 0x20 ? from : this.#skipSpaces(from)
  }

  #skipSpaces(from: number): number {
    const bytes = this.#bytes
    let at = from
    while (at < bytes.length && isSpace(bytes[at])) at++
    return at
  }

  /** Returns the index after the string that starts at an index; -1 if none does. */
  endOfString(start: number): number {
    const bytes = this.#bytes
    if (bytes[start] !== quote) return -1
    let at = start + 1
    let runEnd = at + shortRun
    while (at < bytes.length) {
      if (at === runEnd) at = this.#skipPlain(at)
      const byte = bytes[at] ?? 0
      if (byte === quote) {
        if (this.#lowStart !== -1) this.#foundUnstorable()
        return at + 1
      }
      if (byte === backslash) {
        at = bytes[at + 1] === letterU ? this.#endOfCodeUnit(at) : endOfEscape(bytes, at)
        if (at === -1) return -1
        runEnd = at + shortRun
      } else if (byte >= 0x20) at++
      else return -1
    }
    return -1
  }

  /** Returns the index after characters of a string that are neither a quote, a backslash nor a control character. */
  #skipPlain(start: number): number {
    this.#latin1 ??= this.#bytes.toString('latin1')
    plainCharacters.lastIndex = start
    plainCharacters.test(this.#latin1)
    return plainCharacters.lastIndex
  }

  /** Returns the index after the value that starts at an index; -1 if none does. */
  endOfValue(start: number): number {
    const bytes = this.#bytes
    let depth = 0
    let at = start
    for (;;) {
      // a value starts here
      const first = bytes[at]
      if (first === openBrace || first === openBracket) {
        const end = first === openBrace ? closeBrace : closeBracket
        this.#open(depth, end)
        at = this.skipSpace(at + 1)
        if (bytes[at] !== end) {
          depth++
          if (end === closeBrace) at = this.startOfMember(at)
          if (at === -1) return -1
          continue
        }
        at++
      } else if (first === quote) {
        at = this.endOfString(at)
        if (at === -1) return -1
      } else {
        at = endOfScalar(bytes, at)
        if (at === -1) return -1
      }
      // a value has ended here, and so have the containers that it is the last value of
      for (;;) {
        if (depth === 0) return at
        at = this.skipSpace(at)
        const end = this.#ends[depth - 1]
        if (bytes[at] === comma) {
          at = this.skipSpace(at + 1)
          if (end === closeBrace) at = this.startOfMember(at)
          if (at === -1) return -1
          break
        }
        if (bytes[at] !== end) return -1
        at++
        depth--
      }
    }
  }

  /** Returns where the value of the member starts whose name starts at an index; -1 without a name and a colon. */
  startOfMember(at: number): number {
    const end = this.endOfString(at)
    if (end === -1) return -1
    const separator = this.skipSpace(end)
    return this.#bytes[separator] === colon ? this.skipSpace(separator + 1) : -1
  }

  #open(depth: number, end: number): void {
    if (depth === this.#ends.length) {
      const larger = new Uint8Array(2 * depth)
      larger.set(this.#ends)
      this.#ends = larger
    }
    this.#ends[depth] = end
    if (depth >= this.deepest) this.deepest = depth + 1
  }

  /** Returns the index after `\u` and four hexadecimal digits; -1 if these are missing. */
  #endOfCodeUnit(start: number): number {
    let unit = 0
    for (let at = start + 2; at < start + 6; at++) {
      const digit = hexDigit(this.#bytes[at] ?? 0)
      if (digit === -1) return -1
      unit = unit * 16 + digit
    }
    const isLow = unit >= 0xdc00 && unit <= 0xdfff
    const mustBeLow = this.#lowStart === start
    if (unit === 0 || isLow !== mustBeLow || (this.#lowStart !== -1 && !mustBeLow)) this.#foundUnstorable()
    this.#lowStart = unit >= 0xd800 && unit <= 0xdbff ? start + 6 : -1
    return start + 6
  }

  #foundUnstorable(): void {
    this.hasUnstorableEscape = true
    this.#lowStart = -1
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** Returns the index after an escape sequence of two characters; -1 if there is none. */
function endOfEscape(bytes: Uint8Array, start: number): number {
  switch (bytes[start + 1]) {
    case quote:
    case backslash:
    case 0x2f: // solidus
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return start + 2
    default:
      return -1
  }
}
