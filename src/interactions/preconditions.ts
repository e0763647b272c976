// Requests that depend on the version which they find (RFC 9110 §13): an entity tag is a version in quotes.
import type { IncomingHttpHeaders } from 'node:http'
import type { Faults } from '../http/problem.ts'

/** What If-Match and If-None-Match of a request ask for, both of them. */
export interface Preconditions {
  /** the one version that meets them, if there is no other; undefined: several may, or none */
  readonly onlyVersion: bigint | undefined
  /** Whether If-Match holds at that version: compared strongly, so that a weak tag never does. */
  ifMatch(version: string): boolean
  /** Whether If-None-Match holds at that version: compared weakly. */
  ifNoneMatch(version: string): boolean
}

interface EntityTag {
  readonly isWeak: boolean
  /** with its quotes */
  readonly opaque: string
}

type TagList = '*' | readonly EntityTag[]

/** A strong one: replies of one version are the same in every byte. */
export function toEntityTag(version: string): string {
  return `"${version}"`
}

/**
 * Reads the two headers; what is wrong with them goes into `faults`.
 * @returns undefined when whatever version there is meets them
 */
export function readPreconditions(headers: IncomingHttpHeaders, faults: Faults): Preconditions | undefined {
  const match = readTags('If-Match', headers['if-match'], faults)
  const noneMatch = readTags('If-None-Match', headers['if-none-match'], faults)
  if ((match === undefined || match === '*') && noneMatch === undefined) return undefined
  return {
    onlyVersion: noneMatch === undefined ? onlyVersion(match) : undefined,
    ifMatch: (version) =>
      match === undefined ||
      match === '*' ||
      match.some(({ isWeak, opaque }) => !isWeak && opaque === toEntityTag(version)),
    ifNoneMatch: (version) =>
      noneMatch === undefined ||
      (noneMatch !== '*' && !noneMatch.some(({ opaque }) => opaque === toEntityTag(version))),
  }
}

function readTags(name: string, header: string | undefined, faults: Faults): TagList | undefined {
  if (header === undefined || header === '*') return header
  const tags: EntityTag[] = []
  // an element of a list may be empty (RFC 9110 §5.6.1.2)
  const element = /[ \t]*(?:(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|$)/y
  while (element.lastIndex < header.length) {
    const found = element.exec(header)
    if (found === null) {
      faults[name] = 'must be * or entity tags with commas between, such as "3"'
      return undefined
    }
    const [, weak, opaque] = found
    if (opaque !== undefined) tags.push({ isWeak: weak !== undefined, opaque })
  }
  return tags
}

function onlyVersion(tags: TagList | undefined): bigint | undefined {
  const [tag, ...others] = tags === undefined || tags === '*' ? [] : tags
  if (tag === undefined || tag.isWeak || others.length > 0 || !/^"(?:0|[1-9]\d{0,18})"$/.test(tag.opaque))
    return undefined
  const version = BigInt(tag.opaque.slice(1, -1))
  return BigInt.asIntN(64, version) === version ? version : undefined
}
