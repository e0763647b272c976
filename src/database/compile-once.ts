// Compiles statements whose parameters change with each run.
import type { CompiledQuery } from 'kysely'

/**
 * Compiles a statement with the names of its parameters in place of their values.
 * @returns the text, and for each of its placeholders $1, $2, … the member that holds the value. A member that the
 *   statement uses several times has one placeholder, so that its value is sent once.
 */
export function compileOnce<Parameters extends object>(
  compose: (parameters: Parameters) => CompiledQuery,
): { text: string; members: (keyof Parameters)[] } {
  const { sql, parameters } = compose(memberNames<Parameters>())
  const members = [...new Set(parameters as (keyof Parameters)[])]
  const text = sql.replace(/\$(\d+)/g, (_, number) => {
    const member = parameters[Number(number) - 1] as keyof Parameters
    return `$${members.indexOf(member) + 1}`
  })
  return { text, members }
}

/** Returns an object that stands in for the parameters: the value of each member is the member's name. */
function memberNames<Parameters extends object>(): Parameters {
  return new Proxy({} as Parameters, { get: (_target, name) => name })
}
