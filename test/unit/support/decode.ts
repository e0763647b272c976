// Decodes bodies and query strings with the schemas of the routes.
import { InvalidRequest, type ValidationErrors } from '../../../src/http/problem.ts'
import { validatorCompiler } from '../../../src/http/validation.ts'
import {
  CreateInteractionWebCommand,
  UpdateInteractionWebCommand,
} from '../../../src/interactions/schemas.ts'
import { readMembers } from '../../support/json-members.ts'
import { decodeParameters } from '../../support/search.ts'

const route = { method: 'POST', url: '/', httpPart: 'body' }
const createValidator = validatorCompiler({ ...route, schema: CreateInteractionWebCommand })
const updateValidator = validatorCompiler({ ...route, schema: UpdateInteractionWebCommand })

/** Decodes the text of a body; undefined means no body. */
const decodeBody = (validate: typeof createValidator) => (text: string | undefined) => {
  const result = validate(text === undefined ? null : (readMembers(text) ?? null))
  if (typeof result !== 'object' || 'then' in result) throw new Error('not a validation result')
  return {
    command: result.value,
    ...named(result.error instanceof InvalidRequest ? result.error.errors : {}),
  }
}

export const decodeCreate = decodeBody(createValidator)
export const decodeUpdate = decodeBody(updateValidator)

/** Decodes a query string. URLSearchParams parses it, not the code under test. */
export function decodeQuery(query: string) {
  const all = new URLSearchParams(query)
  const parameters = Object.fromEntries([...new Set(all.keys())].map((name) => [name, all.getAll(name)]))
  const decoded = decodeParameters(parameters)
  return 'errors' in decoded
    ? { value: undefined, ...named(decoded.errors) }
    : { value: decoded.value, ...named({}) }
}

const named = (errors: ValidationErrors) => ({ errors, invalid: Object.keys(errors).sort() })
