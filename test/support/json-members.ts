import { JsonMembers, parseJsonObject } from '../../src/types/json-text.ts'

/** Returns the members of a JSON text; undefined when it is not an object, or has too many. */
export function readMembers(text: string): JsonMembers | undefined {
  const parsed = parseJsonObject(Buffer.from(text))
  return parsed instanceof JsonMembers ? parsed : undefined
}
