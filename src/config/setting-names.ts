// Finds settings that are probably misspelt.
import { closestMatch } from 'leven'

/**
 * Returns a sentence for each of `names` that is no setting but close to one.
 * @param known the names of all settings
 */
export function describeMisspelt(names: readonly string[], known: ReadonlySet<string>): string[] {
  return names.flatMap((name) => {
    const meant = known.has(name) ? undefined : closestSetting(name, known)
    return meant === undefined ? [] : [`${name} is not a setting: did you mean ${meant}?`]
  })
}

/** Returns a sentence for each of `names` that is no setting, close to one or not. */
export function describeUnknown(names: readonly string[], known: ReadonlySet<string>): string[] {
  return names.flatMap((name) => {
    if (known.has(name)) return []
    const meant = closestSetting(name, known)
    return [`${name} is not a setting${meant === undefined ? '' : `: did you mean ${meant}?`}`]
  })
}

/** Letters of a short name make another word: `POST` is not `PORT`, and `PGPORT` is PostgreSQL's own. */
const shortName = { withoutMistake: 4, withOneMistake: 7 } as const

function closestSetting(name: string, known: ReadonlySet<string>): string | undefined {
  if (name.length <= shortName.withoutMistake) return undefined
  const maxDistance = name.length <= shortName.withOneMistake ? 1 : 2
  return closestMatch(name.toUpperCase(), [...known], { maxDistance })
}
