import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { messageOf } from '../../src/types/error-message.ts'

test('the message of an error is followed by those of its causes', () => {
  const innermost = new Error('connection lost')
  const inner = new Error('could not be migrated', { cause: innermost })
  expect(messageOf(new Error('cannot start', { cause: inner }))).toBe(
    'cannot start: could not be migrated: connection lost',
  )
})

test('the message of a failed connection to a host with several addresses names each', async () => {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  const socket = connect({
    host: 'database.internal',
    // reserved: nothing listens there
    port: 1,
    lookup: (_host, _options, callback) => callback(null, addresses),
    autoSelectFamily: true,
  })
  const error = await new Promise((resolve) => socket.once('error', resolve))
  expect(messageOf(error)).toMatch(/^connect ECONNREFUSED 127\.0\.0\.1:1, connect \w+ ::1:1/)
})

test.each([
  ['a string', 'a string'],
  [undefined, 'undefined'],
])('%j, which is not an Error, is its own message', (thrown, message) => {
  expect(messageOf(thrown)).toBe(message)
})
