// The settings of tokens: who issues them, and who verifies them.
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'

test('the issuer is where callers reach the service, unless another is given', () => {
  const PUBLIC_URL = 'https://api.example.com/'

  expect(readConfig({ PUBLIC_URL }).tokens.issuer).toBe('https://api.example.com')
  expect(readConfig({ PUBLIC_URL, JWT_ISSUER: 'https://id.example' }).tokens.issuer).toBe(
    'https://id.example',
  )
})
