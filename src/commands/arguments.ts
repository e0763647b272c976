// Reads what the options of several commands have in common.
import { InvalidArgumentError } from 'commander'
import { identifierError } from '../types/identifier.ts'
import { firstMillisecond, parseInstant } from '../types/instant.ts'

/**
 * The first moment, to the millisecond, that is not before what is given.
 * @param text an ISO 8601 date-time with a zone, or a date, which begins at midnight UTC
 * @returns milliseconds since 1970
 * @throws InvalidArgumentError when it is anything else
 */
export function readMoment(text: string): number {
  const instant = parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text)
  if (instant === undefined)
    throw new InvalidArgumentError(
      'It must be a date, such as 2025-01-20, or a date-time with a zone, such as 2025-01-20T22:00:00Z.',
    )
  return firstMillisecond(instant)
}

/** @throws InvalidArgumentError when no stored id could be this one */
export function readIdentifier(text: string): string {
  const fault = identifierError(text)
  if (fault !== undefined) throw new InvalidArgumentError(`It ${fault}.`)
  return text
}
