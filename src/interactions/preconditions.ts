// Conditional requests (RFC 9110 §13): the entity tag of an interaction is its version in quotes.
import type { IncomingHttpHeaders } from 'node:http'
import type { SchemaOptions } from '@sinclair/typebox'
import { Decoded, InvalidValue, toText } from '../types/decoded.ts'

/** The conditions of If-Match and If-None-Match. */
export interface Preconditions {
  /** the only version that can meet both; undefined: several, or none */
  readonly onlyVersion: bigint | undefined
  /** Whether a version meets If-Match. Tags are compared strongly: a weak one never matches. */
  ifMatch(version: string): boolean
  /** Whether a version meets If-None-Match. Tags are compared weakly. */
  ifNoneMatch(version: string): boolean
}

interface EntityTag {
  readonly isWeak: boolean
  /** with its quotes */
  readonly opaque: string
}

type TagList = '*' | readonly EntityTag[]

const tag = String.raw`(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"`

/** The type of If-Match and If-None-Match. */
export const EntityTags = (options: SchemaOptions) =>
  Decoded(
    {
      type: 'string',
      pattern: `^(?:\\*|[ \\t]*(?:${tag}[ \\t]*)?(?:,[ \\t]*(?:${tag}[ \\t]*)?)*)$`,
      ...options,
    },
    (given) => parseTags(toText(given)),
  )

/** Returns a strong tag: the responses for a version are equal in every byte. */
export function toEntityTag(version: string): string {
  return `"${version}"`
}

/**
 * Reads the two headers of a validated request.
 * @returns undefined when every version meets them
 */
export function readPreconditions(headers: IncomingHttpHeaders): Preconditions | undefined {
  const match = readTags(headers['if-match'])
  const noneMatch = readTags(headers['if-none-match'])
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

function readTags(header: string | undefined): TagList | undefined {
  return header === undefined ? undefined : parseTags(header)
}

function parseTags(header: string): TagList {
  if (header === '*') return '*'
  const tags: EntityTag[] = []
  // an element of a list may be empty (RFC 9110 §5.6.1.2)
  const element = /[ \t]*(?:(W\/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(?:,|$)/y
  while (element.lastIndex < header.length) {
    const found = element.exec(header)
    if (found === null) throw new InvalidValue('must be * or entity tags separated by commas, such as "3"')
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
