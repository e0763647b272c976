// Searches as the route decodes them.
import { compileObject } from '../../src/http/validation.ts'
import { InteractionQuery } from '../../src/interactions/schemas.ts'

const decode = compileObject(InteractionQuery)

/** Decodes the parameters of a query, as Fastify parses them. */
export function decodeParameters(
  parameters: Readonly<Record<string, string | readonly string[] | undefined>>,
) {
  return decode((name) => (Object.hasOwn(parameters, name) ? parameters[name] : undefined))
}

/**
 * Returns the criteria that parameters ask for.
 * @throws Error naming what is wrong with them
 */
export function criteriaOf(parameters: Readonly<Record<string, string | undefined>>) {
  const decoded = decodeParameters(parameters)
  if ('errors' in decoded) throw new Error(JSON.stringify(decoded.errors))
  return decoded.value
}
