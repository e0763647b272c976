// Finds where JSON numbers and words end.

const plus = 0x2b
const minus = 0x2d
const point = 0x2e
const zero = 0x30
const nine = 0x39
const letterE = 0x65

/** Returns the index after a number, true, false or null; -1 if there is none. */
export function endOfScalar(bytes: Uint8Array, start: number): number {
  // most are integers
  const first = bytes[start] ?? 0
  if (first > zero && first <= nine) {
    let at = start + 1
    let byte = bytes[at] ?? 0
    while (byte >= zero && byte <= nine) byte = bytes[++at] ?? 0
    return byte === point || (byte | 0x20) === letterE ? endOfFraction(bytes, at) : at
  }
  return endOfOther(bytes, start)
}

function endOfOther(bytes: Uint8Array, start: number): number {
  switch (bytes[start]) {
    case 0x74:
      return endOfWord(bytes, start, words.true)
    case 0x66:
      return endOfWord(bytes, start, words.false)
    case 0x6e:
      return endOfWord(bytes, start, words.null)
    case minus:
      return bytes[start + 1] === zero
        ? endOfFraction(bytes, start + 2)
        : endOfFraction(bytes, endOfDigits(bytes, start + 1))
    case zero:
      return endOfFraction(bytes, start + 1)
    default:
      return -1
  }
}

const words = { true: Buffer.from('true'), false: Buffer.from('false'), null: Buffer.from('null') }

function endOfWord(bytes: Uint8Array, start: number, word: Uint8Array): number {
  for (let index = 1; index < word.length; index++) if (bytes[start + index] !== word[index]) return -1
  return start + word.length
}

/** Returns the index after the fraction and the exponent of a number, both optional; -1 if one is broken, or for -1. */
function endOfFraction(bytes: Uint8Array, start: number): number {
  if (start === -1) return -1
  const at = bytes[start] === point ? endOfDigits(bytes, start + 1) : start
  if (at === -1 || ((bytes[at] ?? 0) | 0x20) !== letterE) return at
  const hasSign = bytes[at + 1] === minus || bytes[at + 1] === plus
  return endOfDigits(bytes, hasSign ? at + 2 : at + 1)
}

/** Returns the index after one or more digits; -1 if there is none. */
function endOfDigits(bytes: Uint8Array, start: number): number {
  let at = start
  while (isDigit(bytes[at] ?? 0)) at++
  return at === start ? -1 : at
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= nine
}

/** Returns the value of a hexadecimal digit; -1 if it is none. */
export function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - zero
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
