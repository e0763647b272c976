// .env.example is where an operator looks for settings: it must neither miss one nor name one that there is not.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'

const root = path.join(import.meta.dirname, '..', '..')
const example = readFileSync(path.join(root, '.env.example'), 'utf8')
const compose = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')

/** Each line that sets something, commented out or not, as a name and a value. */
function readExample(): { name: string; value: string }[] {
  const lines = example.matchAll(/^#?[ \t]*([A-Z][A-Z0-9_]*)=(['"]?)(.*)\2[ \t]*$/gm)
  return Array.from(lines, ([, name = '', , value = '']) => ({ name, value }))
}

/** The names that are asked of the environment. */
function namesRead(): string[] {
  const names = new Set<string>()
  const environment: Record<string, string | undefined> = {}
  readConfig(
    new Proxy(environment, {
      get(_target, name) {
        names.add(String(name))
        return undefined
      },
    }),
  )
  return [...names].sort()
}

/** What docker-compose.yml takes from the same file. */
const namesComposed = Array.from(compose.matchAll(/\$\{(\w+)/g), ([, name = '']) => name)

test('.env.example names every setting once, and nothing that nobody reads', () => {
  const names = readExample().map(({ name }) => name)

  expect(names.sort()).toEqual([...new Set([...namesRead(), ...namesComposed])].sort())
})

test('.env.example sets what is the default anyway, and clients that would be accepted', () => {
  const { bootstrapClients, ...settings } = readConfig(
    Object.fromEntries(readExample().map(({ name, value }) => [name, value])),
  )

  expect({ ...settings, bootstrapClients: [] }).toEqual(readConfig({}))
  expect(bootstrapClients.map((client) => client.role)).toEqual(['AGENT', 'SERVICE'])
})

test('the settings that the contract promises are there', () => {
  const promised = `HOST PORT DATABASE_URL DATABASE_POOL_SIZE DATA_DIR LOG_LEVEL BODY_LIMIT_BYTES TOKEN_TTL_SECONDS
    JWT_ISSUER JWT_AUDIENCE JWT_PRIVATE_KEY JWT_PRIVATE_KEY_FILE BOOTSTRAP_CLIENTS`

  expect(namesRead()).toEqual(expect.arrayContaining(promised.split(/\s+/)))
})
