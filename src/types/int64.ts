// Whole numbers of 64 bits, read as Jackson reads a `long`, but without rounding (spring-facts §8).
import type { SchemaOptions } from '@sinclair/typebox'
import { Decoded, type Given, InvalidValue } from './decoded.ts'
import { JsonText } from './json-text.ts'

/** Decodes to undefined for a blank string and for "null", as Jackson does. */
export const Int64 = (options: SchemaOptions) =>
  Decoded({ type: 'integer', format: 'int64', ...options }, (given): bigint | undefined => {
    const value = parse(given)
    if (value === 'absent') return undefined
    if (value === 'invalid' || BigInt.asIntN(64, value) !== value)
      throw new InvalidValue('must be a whole number of 64 bits')
    return value
  })

function parse(given: Given): bigint | 'absent' | 'invalid' {
  if (given instanceof JsonText) return truncate(given.text)
  return typeof given === 'string' ? parseString(given) : 'invalid'
}

function parseString(text: string): bigint | 'absent' | 'invalid' {
  const trimmed = text.trim()
  if (trimmed === '' || trimmed === 'null') return 'absent'
  return /^[+-]?\d{1,19}$/.test(trimmed) ? BigInt(trimmed.replace(/^\+/, '')) : 'invalid'
}

/** Parses a JSON number and cuts off its fraction. */
function truncate(json: string): bigint | 'invalid' {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(json)
  if (parts === null) return 'invalid'
  const [, sign, whole = '', fraction = '', exponent = '0'] = parts
  const digits = (whole + fraction).replace(/^0+/, '')
  const wholeDigits = digits.length - fraction.length + Number(exponent)
  if (digits === '' || wholeDigits <= 0) return 0n
  return wholeDigits > 19
    ? 'invalid'
    : BigInt(`${sign}${digits.slice(0, wholeDigits).padEnd(wholeDigits, '0')}`)
}
