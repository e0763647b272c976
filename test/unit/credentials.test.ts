import { describe, expect, test } from 'vitest'
import { badCredentials, type Parameters, readTokenRequest } from '../../src/auth/tokens/credentials.ts'
import { Problem } from '../../src/http/problem.ts'

interface Given {
  authorization?: string
  query?: Parameters
  form?: Parameters | null
}

function read({ authorization, query = {}, form = {} }: Given, allowQueryCredentials = true) {
  return readTokenRequest({ authorization, query, form }, allowQueryCredentials)
}

/** Returns the error of a rejected request. */
function rejectionOf(given: Given, allowQueryCredentials = true): Problem {
  try {
    read(given, allowQueryCredentials)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('the request is not rejected')
}

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`
const parameters = {
  client_id: 'client-1',
  client_secret: 's3cret',
  grant_type: 'client_credentials',
  scope: 'interactions',
}
const { client_id, client_secret, ...grant } = parameters
const request = {
  clientId: 'client-1',
  secrets: ['s3cret'],
  grantType: 'client_credentials',
  scope: 'interactions',
}

describe('credentials are read', () => {
  test.each<[string, Given]>([
    ['from the form', { form: parameters }],
    ['from the query string with an empty body', { query: parameters }],
    ['from Basic, the grant in the form', { authorization: basic('client-1:s3cret'), form: grant }],
    ['from Basic, the grant in the query string', { authorization: basic('client-1:s3cret'), query: grant }],
    ['from query string and form together', { query: { client_id, client_secret }, form: grant }],
    [
      'from Basic and the same client_id',
      { authorization: basic('client-1:s3cret'), form: { ...grant, client_id } },
    ],
    [
      'from three places that agree',
      { authorization: basic('client-1:s3cret'), query: parameters, form: parameters },
    ],
    [
      'from Basic, and empty parameters',
      { authorization: basic('client-1:s3cret'), form: { ...grant, client_id: '', client_secret: '' } },
    ],
    ['from the query string, with a body that is no form', { query: parameters, form: null }],
    [
      'with the scope of the form rather than of the query string',
      { query: { ...parameters, scope: 'y' }, form: parameters },
    ],
    ['from the form when another scheme is used', { authorization: 'Bearer x.y.z', form: parameters }],
  ])('%s', (_where, given) => {
    expect(read(given)).toEqual(request)
  })

  test.each(['basic', 'BASIC', 'Basic'])('from the scheme written %s', (scheme) => {
    const authorization = basic('client-1:s3cret').replace('Basic', scheme)

    expect(read({ authorization, form: grant })).toEqual(request)
  })

  test('without checking the grant and the scope', () => {
    const { grantType, scope } = read({ form: { client_id, client_secret } })

    expect([grantType, scope]).toEqual([undefined, undefined])
  })

  test.each([
    ['client-1:', 'client-1', ['']],
    ['client-1:a:b', 'client-1', ['a:b']],
    ['client-1:a b\nc', 'client-1', ['a b\nc']],
    ['client-1:ä😀', 'client-1', ['ä😀']],
    ['client%3A1:a', 'client:1', ['a']],
    ['client+1:a', 'client 1', ['a']],
  ])('from Basic of "%s"', (credentials, clientId, secrets) => {
    expect(read({ authorization: basic(credentials) })).toMatchObject({ clientId, secrets })
  })

  test.each([
    ['a%2Bb', ['a%2Bb', 'a+b']],
    ['a+b', ['a+b', 'a b']],
    ['50%', ['50%']],
    ['%ff', ['%ff']],
  ])('from Basic with the secret "%s", both raw and percent-decoded', (secret, secrets) => {
    expect(read({ authorization: basic(`client-1:${secret}`) }).secrets).toEqual(secrets)
  })

  test('from a form without decoding them again', () => {
    const form = { ...parameters, client_secret: 'a%2Bb+c' }

    expect(read({ form }).secrets).toEqual(['a%2Bb+c'])
  })
})

describe('a request is rejected', () => {
  test.each<[string, Given]>([
    ['without credentials', { form: grant }],
    ['without a client', { form: { ...grant, client_secret } }],
    ['with an empty client', { form: { ...parameters, client_id: '' } }],
    ['with Basic of an empty client', { authorization: basic(':s3cret') }],
    ['with Basic without a colon', { authorization: basic('client-1') }],
    ['with Basic that is not base64', { authorization: 'Basic ***' }],
    ['with empty Basic credentials', { authorization: 'Basic ' }],
    ['with only a bearer token', { authorization: 'Bearer x.y.z' }],
  ])('%s like an unknown client', (_what, given) => {
    expect(rejectionOf(given)).toEqual(badCredentials())
  })

  test.each<[string, Given]>([
    [
      'Basic and the client of the form',
      { authorization: basic('client-1:s3cret'), form: { client_id: 'client-2' } },
    ],
    [
      'Basic and the client of the query string',
      { authorization: basic('client-1:s3cret'), query: { client_id: 'x' } },
    ],
    [
      'Basic and the secret of the form',
      { authorization: basic('client-1:s3cret'), form: { client_secret: 'x' } },
    ],
    ['Basic of an empty client and a form', { authorization: basic(':s3cret'), form: parameters }],
    ['the clients of form and query string', { query: { ...parameters, client_id: 'x' }, form: parameters }],
    [
      'the secrets of form and query string',
      { query: { ...parameters, client_secret: 'x' }, form: parameters },
    ],
  ])('when %s differ', (_what, given) => {
    const { code, message } = rejectionOf(given)

    expect(code).toBe('invalid_request')
    expect(message).not.toContain('s3cret')
  })

  test('when the body is no form, and there are no credentials elsewhere', () => {
    for (const query of [{}, grant, { client_secret }])
      expect(rejectionOf({ query, form: null })).toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('form'),
      })
    expect(rejectionOf({ authorization: basic(':s3cret'), form: null })).toEqual(badCredentials())
  })

  test.each(['client_id', 'client_secret', 'grant_type', 'scope'])('when %s is repeated', (name) => {
    for (const given of [
      { form: { ...parameters, [name]: ['s3cret', 'x'] } },
      { query: { ...parameters, [name]: ['s3cret', 'x'] } },
    ]) {
      const { code, message } = rejectionOf(given)

      expect(code).toBe('invalid_request')
      expect(message).toContain(name)
      expect(message).not.toContain('s3cret')
    }
  })

  test('when the query string contains a secret and must not, even with other credentials', () => {
    const elsewhere = [{}, { form: parameters }, { authorization: basic('client-1:s3cret') }]
    for (const given of elsewhere) {
      const { code, message } = rejectionOf({ ...given, query: parameters }, false)

      expect(code).toBe('invalid_request')
      expect(message).not.toContain('s3cret')
    }
    expect(rejectionOf({ query: { client_secret: ['a', 'b'] } }, false).code).toBe('invalid_request')
    expect(read({ query: grant, form: { client_id, client_secret } }, false)).toEqual(request)
  })
})

test('bad credentials get the response of RFC 6749 and Spring', () => {
  const { status, headers } = badCredentials()

  expect(status).toBe(401)
  expect(badCredentials().body()).toEqual({
    error: 'invalid_client',
    error_description: 'Bad client credentials',
  })
  expect(headers['www-authenticate']).toMatch(/^Basic realm="[^"]+"$/)
})
