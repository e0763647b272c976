import { expect, test } from 'vitest'
import { InvalidConfig, readConfig } from '../../src/config/config.ts'

const agent = { clientId: 'agent-1', clientSecret: 's3same', role: 'AGENT', organizationId: 'acme' }
const service = { clientId: 'service-1', clientSecret: 's3same', role: 'SERVICE' }

function problemsOf(clients: string): readonly string[] {
  try {
    readConfig({ BOOTSTRAP_CLIENTS: clients })
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error
    return error.problems
  }
  return []
}

test.each([
  ['none', []],
  ['an agent', [agent]],
  ['a supervisor', [{ ...agent, role: 'SUPERVISOR' }]],
  ['a service', [service]],
  ['several', [agent, service, { ...agent, clientId: 'agent-2' }]],
  ['a client with scopes', [{ ...agent, scopes: ['interactions', 'a:b/c'] }]],
  ['a client that may only read', [{ ...agent, scopes: ['interactions:read'] }]],
  ['a client of an organization of 255 characters', [{ ...agent, organizationId: '😀'.repeat(255) }]],
  ['a client with special characters in its secret', [{ ...agent, clientSecret: ` a:b%2B+"\\'~` }]],
])('BOOTSTRAP_CLIENTS may be %s', (_what, clients) => {
  expect(readConfig({ BOOTSTRAP_CLIENTS: JSON.stringify(clients) }).bootstrapClients).toEqual(clients)
})

const { organizationId: _, ...agentWithoutOrganization } = agent
const { clientSecret: __, ...agentWithoutSecret } = agent

test.each([
  ['null', null],
  ['an object instead of a list', agent],
  ['a list of strings', ['s3same']],
  ['a client without a secret', [agentWithoutSecret]],
  ['a client with an empty secret', [{ ...agent, clientSecret: '' }]],
  [
    'a client with a character that is not printable ASCII in its secret',
    [{ ...agent, clientSecret: 's3same\n' }],
  ],
  ['a client with an empty id', [{ ...agent, clientId: '' }]],
  ['a client with a long id', [{ ...agent, clientId: 'x'.repeat(256) }]],
  ['a client with an unknown role', [{ ...agent, role: 's3same' }]],
  ['a client with a role in lower case', [{ ...agent, role: 'agent' }]],
  ['a client with an empty organization', [{ ...agent, organizationId: '' }]],
  ['a client with a long organization', [{ ...agent, organizationId: 'o'.repeat(256) }]],
  ['a client whose organization contains NUL', [{ ...agent, organizationId: 'acme\u0000' }]],
  [
    'a client whose organization contains half of a surrogate pair',
    [{ ...agent, organizationId: 'acme\ud800' }],
  ],
  ['a client with an unknown member', [{ ...agent, secret: 's3same' }]],
  ['a client with a scope that contains a space', [{ ...agent, scopes: ['interactions', 'a b'] }]],
  ['a client with an empty list of scopes', [{ ...agent, scopes: [] }]],
  ['a client whose scopes would not limit it', [{ ...agent, scopes: ['interaction:read'] }]],
  ['an agent without an organization', [agentWithoutOrganization]],
  ['a supervisor without an organization', [{ ...agentWithoutOrganization, role: 'SUPERVISOR' }]],
  ['a service with an organization', [{ ...service, organizationId: 'acme' }]],
  ['two clients with the same id', [agent, { ...agent, organizationId: 'other' }]],
])('BOOTSTRAP_CLIENTS must not be %s', (_what, clients) => {
  const problems = problemsOf(JSON.stringify(clients))

  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(/^BOOTSTRAP_CLIENTS\b/)
  expect(problems[0]).not.toContain('s3same')
  expect(problems[0]).not.toContain('agent-1')
})

test.each(['[', '[{"clientId":"a"', "[{'clientId':'s3same'}]", 's3same'])(
  'BOOTSTRAP_CLIENTS must be JSON, unlike %s',
  (text) => {
    expect(problemsOf(text)).toHaveLength(1)
    expect(problemsOf(text).join()).not.toContain('s3same')
  },
)

test('all problems of clients are reported at once, by their index', () => {
  const clients = [agent, agentWithoutOrganization, { ...service, organizationId: 'acme' }]
  const problems = problemsOf(JSON.stringify(clients))

  expect(problems.filter((problem) => problem.includes('/1'))).toHaveLength(1)
  expect(problems.filter((problem) => problem.includes('/2'))).toHaveLength(1)
})
