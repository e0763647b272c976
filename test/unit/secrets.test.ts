import { createHash, scryptSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { hashSecret, hashSecretLike, makeSecret, verifySecret } from '../../src/auth/clients/secrets.ts'

const secret = 'correct horse battery staple'
const hash = await hashSecret(secret, 4)

test('a secret has 256 random bits, in characters that need no escaping anywhere', () => {
  const secrets = Array.from({ length: 1000 }, makeSecret)

  expect(new Set(secrets).size).toBe(1000)
  for (const made of secrets) {
    expect(made).toMatch(/^[\w-]{43}$/)
    expect(Buffer.from(made, 'base64url')).toHaveLength(32)
  }
  // each bit is set in some and clear in others
  const all = secrets.map((made) => BigInt(`0x${Buffer.from(made, 'base64url').toString('hex')}`))
  expect(all.reduce((or, bits) => or | bits)).toBe(2n ** 256n - 1n)
  expect(all.reduce((and, bits) => and & bits)).toBe(0n)
})

test('a secret is verified by its own hash', async () => {
  expect(await verifySecret(secret, [hash])).toBe(true)
})

test.each(['', 'correct horse battery stapl', `${secret} `, secret.toUpperCase(), `${secret}\u0000`, hash])(
  '%j is not verified by the hash of another',
  async (wrong) => {
    expect(await verifySecret(wrong, [hash])).toBe(false)
  },
)

test.each([
  ['empty', ''],
  ['of any characters', '😀 ä$b:c%'],
  ['long', 'x'.repeat(1024)],
])('a secret may be %s', async (_what, given) => {
  const its = await hashSecret(given, 4)

  expect(await verifySecret(given, [its])).toBe(true)
  expect(await verifySecret(`${given}x`, [its])).toBe(false)
})

test('a hash reveals nothing of the secret, and differs each time', async () => {
  const again = await hashSecret(secret, 4)

  expect(again).not.toBe(hash)
  expect(again).toMatch(/^scrypt\$\d+\$\d+\$\d+\$[\w-]{22}\$[\w-]{43}$/)
  expect(again).not.toContain('horse')
  expect(again).not.toContain(Buffer.from(secret).toString('base64url').slice(0, 20))
})

test.each([4, 14, 15])('a secret hashed at cost %d is verified at any configured cost', async (cost) => {
  const its = await hashSecret(secret, cost)

  expect(its).toMatch(`scrypt$${2 ** cost}$8$1$`)
  for (const configured of [4, 14]) {
    expect(await verifySecret(secret, [its], configured)).toBe(true)
    expect(await verifySecret('wrong', [its], configured)).toBe(false)
  }
})

test('without a hash, a key is derived at the configured cost', async () => {
  // scrypt rejects N = 1
  await expect(verifySecret(secret, [], 0)).rejects.toThrow('scrypt')
})

test('no secret is verified without a hash', async () => {
  expect(await verifySecret(secret, [])).toBe(false)
  expect(await verifySecret('', [])).toBe(false)
})

test('each of two secrets is verified by the hashes of both, which have the same cost and salt', async () => {
  const other = await hashSecretLike(hash, 'another secret')

  const parameters = (text: string) => text.slice(0, text.lastIndexOf('$'))
  expect(parameters(other)).toBe(parameters(hash))
  expect(other).not.toBe(hash)
  for (const hashes of [
    [hash, other],
    [other, hash],
    // of different salts, which takes two derivations
    [await hashSecret(secret, 4), await hashSecret('another secret', 5)],
  ]) {
    expect(await verifySecret(secret, hashes)).toBe(true)
    expect(await verifySecret('another secret', hashes)).toBe(true)
    expect(await verifySecret('wrong', hashes)).toBe(false)
  }
  expect(await verifySecret('another secret', [hash])).toBe(false)
  expect(await verifySecret(secret, ['garbage', hash])).toBe(true)
})

test('a hash of other costs still verifies its secret, so that costs can be raised', async () => {
  const digest = createHash('sha256').update('password').digest()
  const key = scryptSync(digest, 'NaCl', 32, { N: 1024, r: 8, p: 16 })
  const older = `scrypt$1024$8$16$${Buffer.from('NaCl').toString('base64url')}$${key.toString('base64url')}`

  expect(await verifySecret('password', [older])).toBe(true)
  expect(await verifySecret('passwords', [older])).toBe(false)
})

test.each([
  ['empty', ''],
  ['a word', 'garbage'],
  ['the secret itself', secret],
  ['only separators', '$$$$$'],
  ['cut off before the key', hash.slice(0, hash.lastIndexOf('$'))],
  ['cut off within the key', hash.slice(0, -20)],
  ['cut off to an empty key', hash.slice(0, hash.lastIndexOf('$') + 1)],
  ['of a key that is not base64url', `${hash.slice(0, hash.lastIndexOf('$') + 1)}***`],
  ['of impossible costs', hash.replace('$16$', '$15$')],
])('a hash that is %s verifies nothing', async (_what, malformed) => {
  for (const tried of [secret, 'wrong'])
    expect(await verifySecret(tried, [malformed]).catch(() => false)).toBe(false)
})
