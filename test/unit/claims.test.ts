import { expect, test } from 'vitest'
import { compileClaim, organizationOf, wordsOf } from '../../src/auth/claims.ts'

const claims = {
  roles: ['top'],
  realm_access: { roles: ['realm'] },
  resource_access: { 'my.client.id': { roles: ['client'] }, plain: { roles: 'one' } },
  'https://acme.example/roles': ['namespaced'],
  'realm_access.name': 'exact',
  list: [{ roles: 'in a list' }],
}

test.each([
  ['roles', ['top']],
  ['realm_access.roles', ['realm']],
  ['resource_access["my.client.id"].roles', ['client']],
  ['resource_access["plain"]["roles"]', 'one'],
  ['resource_access.plain.roles', 'one'],
  ['https://acme.example/roles', ['namespaced']],
  ['realm_access.name', 'exact'],
])('the claim %s is found', (name, value) => {
  expect(compileClaim(name)(claims)).toEqual(value)
})

test.each([
  'missing',
  'realm_access.missing',
  'roles.length',
  'list.0.roles',
  'resource_access["my.client.id]',
  'resource_access..plain',
  'realm_access.',
  'constructor',
  'realm_access.constructor.name',
  '__proto__.polluted',
])('the claim %s is not found', (name) => {
  expect(compileClaim(name)(claims)).toBeUndefined()
})

test.each([
  [
    ['AGENT', 'SERVICE'],
    ['AGENT', 'SERVICE'],
  ],
  ['AGENT SERVICE', ['AGENT', 'SERVICE']],
  ['AGENT, SERVICE,', ['AGENT', 'SERVICE']],
  [['AGENT', 7, ['SERVICE']], ['AGENT']],
  [{ SERVICE: true }, []],
  [undefined, []],
  ['', []],
])('the words of %j are %j', (value, words) => {
  expect(wordsOf(value)).toEqual(words)
})

test.each([
  ['acme', 'acme'],
  [['acme'], 'acme'],
  [{ acme: {} }, 'acme'],
  [{ acme: { id: '42' } }, 'acme'],
  [['acme', 'globex'], undefined],
  [{ acme: {}, globex: {} }, undefined],
  [[['acme']], undefined],
  [[], undefined],
  [{}, undefined],
  ['', undefined],
  [[''], undefined],
  ['x'.repeat(256), undefined],
  [{ 'a\u0000': {} }, undefined],
  [7, undefined],
  [null, undefined],
  [undefined, undefined],
])('the organization of %j is %s', (value, organization) => {
  expect(organizationOf(value)).toBe(organization)
})
