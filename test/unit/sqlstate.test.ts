import { expect, test } from 'vitest'
import { databaseFailure, isAmbiguous, isTransient, keepsConnection } from '../../src/database/sqlstate.ts'

const failure = (code: unknown, message = 'failed') => Object.assign(new Error(message), { code })

test.each([
  ['40001', 'serialization failure', 'conflict'],
  ['40P01', 'deadlock', 'conflict'],
  ['57014', 'statement timeout', 'timeout'],
  ['55P03', 'lock timeout', 'timeout'],
  ['22021', 'character not in repertoire', 'unstorable'],
  ['22P02', 'invalid text representation', 'unstorable'],
  ['22P05', 'untranslatable character', 'unstorable'],
  ['08000', 'connection exception', 'unavailable'],
  ['08006', 'connection failure', 'unavailable'],
  ['08P01', 'protocol violation', 'unavailable'],
  ['57P01', 'admin shutdown', 'unavailable'],
  ['57P02', 'crash shutdown', 'unavailable'],
  ['57P03', 'cannot connect now', 'unavailable'],
  ['25006', 'read-only transaction', 'read-only'],
  ['53300', 'too many connections', 'unavailable'],
  ['53100', 'disk full', 'unavailable'],
  ['ECONNREFUSED', 'connection refused', 'unavailable'],
  ['ECONNRESET', 'connection reset', 'unavailable'],
  ['EPIPE', 'connection closed', 'unavailable'],
  ['ETIMEDOUT', 'network timeout', 'unavailable'],
  ['ENOTFOUND', 'no such host', 'unavailable'],
])('%s (%s) means %s', (code, _what, meaning) => {
  expect(databaseFailure(failure(code))).toBe(meaning)
})

test.each([
  ['failure on connection marked as essential: 10.0.0.2:5432', 'unavailable'],
  ['connection to the remote node api@10.0.0.2:5432 failed', 'unavailable'],
  ['SSL SYSCALL error: EOF detected', 'unavailable'],
  ['server closed the connection unexpectedly', 'unavailable'],
  ['duplicate key value violates unique constraint "interactions_pkey_102008"', undefined],
])('XX000 with the message "%s" means %s', (message, meaning) => {
  expect(databaseFailure(failure('XX000', message))).toBe(meaning)
})

const unreached = 'connection to the remote node api@10.0.0.2:5432 failed with the following error'

test.each([
  `${unreached}: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?`,
  `${unreached}: FATAL:  the database system is starting up`,
  `${unreached}: FATAL:  the database system is shutting down`,
  `${unreached}: FATAL:  sorry, too many clients already`,
  'could not establish any connections to the node 10.0.0.2:5432 after 30000 ms',
])('08006 with the message "%s" is certain and transient, and leaves the connection usable', (message) => {
  const error = failure('08006', message)
  expect([isTransient(error), isAmbiguous(error), keepsConnection(error)]).toEqual([true, false, true])
})

test.each([
  ['08006', `${unreached}: connection not open`],
  ['08006', `${unreached}: server closed the connection unexpectedly`],
  ['57P01', 'terminating connection due to administrator command'],
])('%s with the message "%s" leaves the outcome unknown', (code, message) => {
  const error = failure(code, message)
  expect([isTransient(error), isAmbiguous(error), keepsConnection(error)]).toEqual([true, true, false])
})

test.each([
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Query read timeout',
])("the driver's error '%s' means unavailable", (message) => {
  expect(databaseFailure(new Error(message))).toBe('unavailable')
})

test('a failure without a code means what its cause means', () => {
  const cause = failure('57P01', 'admin shutdown')
  expect(databaseFailure(new Error('the database could not be migrated', { cause }))).toBe('unavailable')
})

test('a duplicate leaves the connection usable', () => {
  expect(keepsConnection(failure('23505', 'unique violation'))).toBe(true)
})

test.each([
  ['23505', 'unique violation'],
  ['42P01', 'undefined table'],
  ['42601', 'syntax error'],
  ['40002', 'integrity constraint violation of a transaction'],
  ['22003', 'numeric value out of range'],
  ['XX000', 'internal error'],
  ['080061', 'too long to be a code'],
  ['x08006', 'a code inside another'],
  ['', 'no code'],
])('%s (%s) is a bug', (code, what) => {
  expect(databaseFailure(failure(code, what))).toBeUndefined()
})

test.each([undefined, null, '40001', 40_001, { code: '40001' }])(
  '%j, which is not an Error, is a bug',
  (thrown) => {
    expect(databaseFailure(thrown)).toBeUndefined()
  },
)

test('an error with a numeric code, or with a failure in the middle of its message, is a bug', () => {
  expect(databaseFailure(failure(40_001))).toBeUndefined()
  expect(databaseFailure(new Error('no "Connection terminated" in sight'))).toBeUndefined()
})
