// The clients of BOOTSTRAP_CLIENTS, which are created or updated at each start.
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { identifierError } from '../types/identifier.ts'
import { isScope, scopeDescriptions, scopePattern } from '../types/scope.ts'

// the characters that RFC 6749 (appendix A) allows
const printable = '^[\\x20-\\x7e]+$'

const BootstrapClient = Type.Object(
  {
    clientId: Type.String({ pattern: printable }),
    clientSecret: Type.String({ pattern: printable, maxLength: 1024 }),
    role: Type.Union([Type.Literal('AGENT'), Type.Literal('SUPERVISOR'), Type.Literal('SERVICE')]),
    organizationId: Type.Optional(Type.String()),
    scopes: Type.Optional(Type.Array(Type.String({ pattern: scopePattern }))),
  },
  { additionalProperties: false },
)
const BootstrapClients = Type.Array(BootstrapClient)

const scopesExpected = `must include one of ${Object.keys(scopeDescriptions).join(', ')}`

export type BootstrapClient = Static<typeof BootstrapClient>

/** Whether the secret of a client is one of `.env.example`, which everybody knows. */
export function hasExampleSecret({ clientSecret }: BootstrapClient): boolean {
  return clientSecret.startsWith('replace-this')
}

/**
 * Reads clients from JSON.
 * @returns the clients; or else what is wrong, as phrases that follow the name of the setting and contain no value
 */
export function readBootstrapClients(
  text: string,
): { readonly clients: BootstrapClient[] } | { readonly problems: readonly string[] } {
  const clients = parseJson(text)
  if (!Value.Check(BootstrapClients, clients)) {
    const { path } = Value.Errors(BootstrapClients, clients).First() ?? { path: '' }
    const expected =
      ' must be a JSON array of {"clientId", "clientSecret", "role": "AGENT"|"SUPERVISOR"|"SERVICE", "organizationId", "scopes"}'
    return { problems: [path === '' ? expected : `${expected}; wrong at ${path}`] }
  }
  const problems = clients.flatMap((client, index) =>
    problemsOf(client).map(([member, problem]) => `: /${index}/${member} ${problem}`),
  )
  if (new Set(clients.map(({ clientId }) => clientId)).size < clients.length)
    problems.push(': every clientId must be unique')
  return problems.length > 0 ? { problems } : { clients }
}

/**
 * What the schema does not say: identifiers whose tokens would be refused, whether the role has an organization, and that
 * scopes limit access only if one of them is known.
 */
function problemsOf({
  clientId,
  role,
  organizationId,
  scopes,
}: BootstrapClient): [member: string, problem: string][] {
  const problems: [string, string | undefined][] = [['clientId', identifierError(clientId)]]
  if (organizationId !== undefined) problems.push(['organizationId', identifierError(organizationId)])
  if (role !== 'SERVICE' && organizationId === undefined)
    problems.push(['organizationId', 'is required for this role'])
  if (role === 'SERVICE' && organizationId !== undefined)
    problems.push(['organizationId', 'is not allowed for the role SERVICE'])
  if (scopes !== undefined && !scopes.some(isScope)) problems.push(['scopes', scopesExpected])
  return problems.flatMap(([member, problem]) => (problem === undefined ? [] : [[member, problem]]))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
