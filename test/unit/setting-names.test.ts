import { expect, test } from 'vitest'
import { misspeltSettings, readGivenConfig, settingsOf } from '../../src/config/config.ts'

test.each([
  ['TOKEN_TTL_SECOND', 'TOKEN_TTL_SECONDS'],
  ['DATABSE_URL', 'DATABASE_URL'],
  ['database_url', 'DATABASE_URL'],
  ['JWT_AUDIENCES', 'JWT_AUDIENCE'],
  ['PORTS', 'PORT'],
])('%s is probably meant as %s', (name, meant) => {
  expect(misspeltSettings({ [name]: 'secret' })).toEqual([`${name} is not a setting: did you mean ${meant}?`])
})

test.each([
  'PATH',
  'HOME',
  'POST',
  'PGPORT',
  'PGHOST',
  'NODE_ENV',
  'HOSTNAME',
  'DATABASE_URL',
  'KUBERNETES_SERVICE_PORT',
])('%s is not taken for a misspelt setting', (name) => {
  expect(misspeltSettings({ [name]: 'x' })).toEqual([])
})

test('a program that gives a name that is no setting is told so, with all other problems', () => {
  expect(() => readGivenConfig({ TOKEN_TTL_SECOND: '1', COLOR: 'red', PORT: 'eighty' })).toThrow(
    'wrong settings:\n' +
      '  TOKEN_TTL_SECOND is not a setting: did you mean TOKEN_TTL_SECONDS?\n' +
      '  COLOR is not a setting\n' +
      '  PORT must be a whole number from 0 to 65535',
  )
})

test('of an environment, only the settings are taken', () => {
  expect(settingsOf({ PATH: '/bin', PORT: '1', TOKEN_TTL_SECOND: '1' })).toEqual({ PORT: '1' })
})
