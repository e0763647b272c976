// Finds where JSON numbers and words end.

const minus = 0x2d
const point = 0x2e
const zero = 0x30
const nine = 0x39
const letterE = 0x65

/** Returns the index after a number, true, false or null; -1 if there is none. */
export function endOfScalar(bytes: Uint8Array, start: number): number {
  switch (bytes[start]) {
    case 0x74:
      return endOfWord(bytes, start, words.true)
    case 0x66:
      return endOfWord(bytes, start, words.false)
    case 0x6e:
      return endOfWord(bytes, start, words.null)
    default:
      return endOfNumber(bytes, start)
  }
}

const words = { true: Buffer.from('true'), false: Buffer.from('false'), null: Buffer.from('null') }

function endOfWord(bytes: Uint8Array, start: number, word: Uint8Array): number {
  for (let index = 1; index < word.length; index++) if (bytes[start + index] !== word[index]) return -1
  return start + word.length
}

function endOfNumber(bytes: Uint8Array, start: number): number {
  const whole = bytes[start] === minus ? start + 1 : start
  let at = bytes[whole] === zero ? whole + 1 : endOfDigits(bytes, whole)
  if (at !== -1 && bytes[at] === point) at = endOfDigits(bytes, at + 1)
  if (at !== -1 && ((bytes[at] ?? 0) | 0x20) === letterE) {
    const hasSign = bytes[at + 1] === minus || bytes[at + 1] === 0x2b
    at = endOfDigits(bytes, hasSign ? at + 2 : at + 1)
  }
  return at
}

/** Returns the index after one or more digits; -1 if there is none. */
function endOfDigits(bytes: Uint8Array, start: number): number {
  let at = start
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0
    if (byte < zero || byte > nine) break
    at++
  }
  return at === start ? -1 : at
}

/** Returns the value of a hexadecimal digit; -1 if it is none. */
export function hexDigit(byte: number): number {
  if (byte >= zero && byte <= nine) return byte - zero
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
