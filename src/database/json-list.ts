// A list of JSON texts as one parameter of a statement.
import { type RawBuilder, sql } from 'kysely'

/** The record separator, which JSON holds nowhere: outside of strings it is no space, within them it is escaped. */
const separator = '\u001e'

/**
 * Joins JSON texts, which stay as they are: in the text of an array each quote would be escaped, and PostgreSQL would
 * take it apart character by character.
 * @param texts valid JSON; undefined is null to PostgreSQL
 */
export function joinJson(texts: readonly (string | undefined)[]): string {
  return texts.map((text) => text ?? '').join(separator)
}

/** In a statement: the `json[]` of which `joinJson` made one text. */
export function splitJson(joined: string): RawBuilder<string[]> {
  return sql`string_to_array(${joined}, chr(${sql.lit(separator.charCodeAt(0))}), '')::json[]`
}
