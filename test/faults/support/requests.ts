// Generates requests from the OpenAPI document: valid ones, ones with a single error, and hostile ones.
import fc from 'fast-check'
import { type Operation, operations, type Parameter, resolve, type Schema } from './document.ts'
import {
  forgedMembers,
  hostileBodies,
  hostilePaths,
  hostileTexts,
  hostileValues,
  methods,
  otherTypes,
} from './hostile.ts'

/** An id: the n-th known interaction, a text with the suffix of the run, or a raw text. */
export type Id = { readonly known: number } | { readonly own: string } | { readonly raw: string }

export const callers = ['acme', 'globex', 'service', 'none', 'forged', 'expired', 'elsewhere'] as const
export type CallerName = (typeof callers)[number]

/** Returns whether the caller has a valid token. */
export const isHonest = (caller: CallerName) =>
  caller === 'acme' || caller === 'globex' || caller === 'service'

/** `valid`: as documented; `nearly`: with one error; `hostile`: anything */
export type Kind = 'valid' | 'nearly' | 'hostile'

export interface Step {
  readonly kind: Kind
  readonly operationId: string
  /** in place of the documented method */
  readonly method?: string | undefined
  readonly caller: CallerName
  readonly id: Id
  readonly query: readonly (readonly [string, string])[]
  readonly body: unknown
  /** in place of the JSON of `body` */
  readonly text?: string | undefined
  /** in place of `application/json` */
  readonly contentType?: string | undefined
}

const ownText = fc.oneof(
  fc
    .string({ minLength: 1, maxLength: 40, unit: 'grapheme' })
    .filter((text) => text.isWellFormed() && !text.includes('\u0000')),
  fc.constantFrom("' or 1=1 --", 'a/b', '..', '%00', 'x?organizationId=globex', '%', '"', '\\', '{}', '#'),
)

function valid(schema: Schema): fc.Arbitrary<unknown> {
  const resolved = resolve(schema)
  if (typeof resolved.type === 'object')
    return fc.oneof(
      ...resolved.type.map((type) => ({
        weight: type === 'null' ? 1 : 5,
        arbitrary: valid({ ...resolved, type }),
      })),
    )
  const { type, enum: choices, examples, properties = {}, required = [], format, items, ...limits } = resolved
  const chosen = choices ?? examples
  switch (type) {
    case 'null':
      return fc.constant(null)
    case 'string':
      if (choices !== undefined || format === 'date-time')
        return fc.constantFrom(...(chosen ?? ['2025-01-20T22:00:00.928Z']))
      return fc.oneof(ownText, ...(chosen === undefined ? [] : [fc.constantFrom(...chosen)]))
    case 'integer':
      return fc.integer({ min: limits.minimum ?? 0, max: limits.maximum ?? 5 })
    case 'array':
      return fc.array(valid(items ?? {}), { maxLength: 3 })
    case 'object': {
      const members = Object.entries(properties).map(([name, one]) => [name, valid(one)] as const)
      if (members.length === 0) return freeForm(examples)
      return fc.record(Object.fromEntries(members), { requiredKeys: [...required] })
    }
    default:
      return fc.jsonValue()
  }
}

/** Generates storable objects, often with the member names of an example. */
function freeForm(examples: readonly unknown[] = []): fc.Arbitrary<unknown> {
  const names = Object.keys(Object(examples[0]))
  const member = fc.oneof(fc.constantFrom(...names, 'x'), ownText)
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('vip', 5, '5', ['vip', 'new'], 1500))
  return fc
    .dictionary(member, value, { maxKeys: 5 })
    .filter((object) => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(object)))
}

const exampleOf = ({ example, schema }: Parameter) =>
  schema.examples ?? (example === undefined ? [] : [example])

/** Generates documented search parameters. Uses their examples if any: a string parameter may have a grammar. */
function validQuery(parameters: readonly Parameter[]) {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map((parameter) => {
      const examples = exampleOf(parameter)
      const value = examples.length > 0 ? fc.constantFrom(...examples) : valid(parameter.schema)
      const pair = value.map((one) => [parameter.name, String(one)] as const)
      if (parameter.name === 'start') return fc.constant([['start', '2020-01-01T00:00:00Z'] as const])
      if (parameter.name === 'end') return fc.constant([['end', '2099-01-01T00:00:00+02:00'] as const])
      // Few at a time: with many filters, searches would hardly find anything.
      return fc.oneof(
        { weight: 5, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: pair.map((one) => [one]) },
      )
    })
  return fc.tuple(...pairs).map((all) => all.flat())
}

const anyId: fc.Arbitrary<Id> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(50).map((known) => ({ known })) },
  { weight: 1, arbitrary: ownText.map((own) => ({ own })) },
)
const hostileId: fc.Arbitrary<Id> = fc.oneof(
  fc.constantFrom(...hostilePaths).map((raw) => ({ raw })),
  fc
    .string({ maxLength: 30, unit: fc.constantFrom(...'ab/.%02ef;?&=\\"<>{}|^`~\'*$+,[]@:-_') })
    .map((raw) => ({ raw })),
)
const honest = fc.constantFrom<CallerName>('acme', 'acme', 'globex', 'globex', 'service')
const anyCaller = fc.oneof(
  { weight: 4, arbitrary: honest },
  { weight: 1, arbitrary: fc.constantFrom(...callers) },
)

function steps(operation: Operation): fc.Arbitrary<Step> {
  const { operationId, body, parameters } = operation
  const query = validQuery(parameters)
  const content = body === undefined ? fc.constant(undefined) : valid(body.schema)
  const names = Object.keys(resolve(body?.schema ?? {}).properties ?? {})
  const invalidBody = fc
    .tuple(content, fc.constantFrom(...names, 'other'), fc.constantFrom(...hostileValues), fc.boolean())
    .map(([object, name, value, forge]) => ({
      ...Object(object),
      ...(forge ? forgedMembers : {}),
      [name]: value,
    }))
  const queryNames = parameters.filter((one) => one.in === 'query').map((one) => one.name)
  const invalidQuery = fc
    .tuple(query, fc.constantFrom(...queryNames, 'other'), fc.constantFrom(...hostileTexts), fc.boolean())
    .map(([pairs, name, value, repeats]) => [
      ...pairs.filter((pair) => repeats || pair[0] !== name),
      [name, value] as const,
    ])
  const common = { operationId: fc.constant(operationId), caller: anyCaller, id: anyId, query, body: content }
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ ...common, kind: fc.constant('valid' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        ...common,
        query: invalidQuery,
        body: body === undefined ? content : invalidBody,
        kind: fc.constant('nearly' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        ...common,
        kind: fc.constant('hostile' as const),
        id: fc.oneof(anyId, hostileId),
        method: fc.option(fc.constantFrom(...methods), { nil: undefined }),
        query: fc.array(
          fc.tuple(
            fc.oneof(fc.constantFrom(...queryNames, '__proto__', 'access_token'), ownText),
            fc.constantFrom(...hostileTexts),
          ),
          { maxLength: 4 },
        ),
        text: fc.option(fc.oneof(fc.constantFrom(...hostileBodies), fc.json(), fc.string()), {
          nil: undefined,
        }),
        contentType: fc.option(fc.constantFrom(...otherTypes), { nil: undefined }),
      }),
    },
  )
}

/** Generates a step on any documented operation; few on those that hash a secret, which is slow. */
export const anyStep = fc.oneof(
  ...operations.map((operation) => ({ weight: operation.guarded ? 12 : 1, arbitrary: steps(operation) })),
)
