// Texts, lists of words and numbers of the query, read as Spring reads them (contract §6).
import type { SchemaOptions } from '@sinclair/typebox'
import { Decoded, type Given, InvalidValue, toText } from './decoded.ts'

/** Decodes to any string. */
export const AnyText = (options: SchemaOptions) => Decoded({ type: 'string', ...options }, toText)

/** Decodes to any string without NUL; an empty one decodes to undefined and so does not narrow a search. */
export const Text = (options: SchemaOptions) => Decoded({ type: 'string', ...options }, readText)

/** Decodes to whether the text is `true`. */
export const IsTrue = (options: SchemaOptions) =>
  Decoded({ type: 'string', ...options }, (given) => toText(given).trim().toLowerCase() === 'true')

/** How many words a list may have. A search costs more with each, and callers need few. */
const maximumWords = 50

/** A list separated by commas. Decodes to its distinct words in order; without a word, to undefined. */
export const Words = (options: SchemaOptions) =>
  Decoded({ type: 'string', ...options }, (given) => {
    const words = readWords(given)
    if (words !== undefined && words.length > maximumWords)
      throw new InvalidValue(`must have at most ${maximumWords} different words`)
    return words
  })

/** The same, of these words only. Decodes to them in this order, whatever the order in the request. */
export const WordsOf = <Word extends string>(words: readonly Word[], options: SchemaOptions) => {
  const word = `(?:(?:${words.join('|')})\\s*)?`
  const pattern = `^\\s*${word}(?:,\\s*${word})*$`
  const known: readonly string[] = words
  return Decoded({ type: 'string', pattern, ...options }, (given): readonly Word[] | undefined => {
    const found = readWords(given)
    if (found?.every((text) => known.includes(text)) === false)
      throw new InvalidValue(`must be any of ${words.join(', ')}, separated by commas`)
    return found && words.filter((text) => found.includes(text))
  })
}

/** A decimal number. Decodes to its text, which keeps all digits; an empty one decodes to undefined. */
export const NumberText = (unit: string, options: SchemaOptions) =>
  Decoded({ type: 'string', pattern: numberPattern, maxLength: 64, ...options }, (given) => {
    const text = readText(given)
    if (text !== undefined && (text.length > 64 || !number.test(text)))
      throw new InvalidValue(`must be a number of ${unit}`)
    return text
  })

const numberPattern = '^([+-]?\\d+(\\.\\d+)?([eE][+-]?\\d{1,4})?)?$'
const number = new RegExp(numberPattern)

function readText(given: Given): string | undefined {
  const text = toText(given)
  if (text.includes('\u0000')) throw new InvalidValue('must not contain NUL')
  return text === '' ? undefined : text
}

function readWords(given: Given): readonly string[] | undefined {
  const words = readText(given)
    ?.split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  return words === undefined || words.length === 0 ? undefined : [...new Set(words)]
}
