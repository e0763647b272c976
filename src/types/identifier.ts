// Identifiers: ids of interactions, organizations, users and clients, and types of interactions (contract §7).

/** Length of an identifier in characters (Unicode code points). */
export const identifierLength = { minimum: 1, maximum: 255 } as const

/** @returns what is wrong with an identifier, as a phrase that follows its name; undefined when it is valid */
export function identifierError(value: string): string | undefined {
  const { minimum, maximum } = identifierLength
  const isLonger = value.length > maximum && (value.length > 2 * maximum || [...value].length > maximum)
  if (value.length < minimum || isLonger) return `must have ${minimum} to ${maximum} characters`
  if (value.includes('\u0000') || !value.isWellFormed())
    return 'must not hold NUL or half of a surrogate pair'
  return undefined
}
