// Decodes searches like the route does.
import { compileObject } from '../../src/http/validation.ts'
import { InteractionQuery } from '../../src/interactions/schemas.ts'

const decode = compileObject(InteractionQuery)

/** Decodes query parameters that Fastify has parsed. */
export function decodeParameters(
  parameters: Readonly<Record<string, string | readonly string[] | undefined>>,
) {
  return decode((name) => (Object.hasOwn(parameters, name) ? parameters[name] : undefined))
}

/**
 * Returns the search criteria of query parameters.
 * @throws Error with the validation errors
 */
export function criteriaOf(parameters: Readonly<Record<string, string | undefined>>) {
  const decoded = decodeParameters(parameters)
  if ('errors' in decoded) throw new Error(JSON.stringify(decoded.errors))
  return decoded.value
}
