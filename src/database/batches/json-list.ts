// Passes a list of JSON texts to PostgreSQL as one text parameter.
import { type RawBuilder, sql } from 'kysely'

/** The record separator. Valid JSON never contains it: it is not white space, and strings must escape it. */
const separator = '\u001e'

/**
 * Joins JSON texts without changing them. The text of an array would escape every quote, and PostgreSQL would have to
 * parse it character by character.
 * @param texts valid JSON; undefined becomes null in PostgreSQL
 */
export function joinJson(texts: readonly (string | undefined)[]): string {
  return texts.map((text) => text ?? '').join(separator)
}

/** Returns SQL that splits the result of `joinJson` into a `json[]`. */
export function splitJson(joined: string): RawBuilder<string[]> {
  return sql`string_to_array(${joined}, chr(${sql.lit(separator.charCodeAt(0))}), '')::json[]`
}
