// Finds names that are no settings, and what they probably mean.
import { closestMatch } from 'leven'

/** A name that is no setting. */
export interface UnknownSetting {
  readonly sentence: string
  /** the setting that is probably meant; undefined: none is close */
  readonly meant: string | undefined
}

/**
 * Finds the names that are no settings.
 * @param known the names of all settings
 */
export function findUnknown(names: readonly string[], known: ReadonlySet<string>): UnknownSetting[] {
  return names
    .filter((name) => !known.has(name))
    .map((name) => {
      const meant = closestSetting(name, known)
      const question = meant === undefined ? '' : `: did you mean ${meant}?`
      return { sentence: `${name} is not a setting${question}`, meant }
    })
}

/** Letters of a short name make another word: `POST` is not `PORT`, and `PGPORT` is PostgreSQL's own. */
const shortName = { withoutMistake: 4, withOneMistake: 7 } as const

function closestSetting(name: string, known: ReadonlySet<string>): string | undefined {
  if (name.length <= shortName.withoutMistake) return undefined
  const maxDistance = name.length <= shortName.withOneMistake ? 1 : 2
  return closestMatch(name.toUpperCase(), [...known], { maxDistance })
}
