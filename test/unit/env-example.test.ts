// .env.example documents the settings: it must name all of them, and no others.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config/config.ts'

const root = path.join(import.meta.dirname, '..', '..')
const example = readFileSync(path.join(root, '.env.example'), 'utf8')
const compose = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')

/** The names and values of all lines that set something, commented out or not. */
function readExample(): { name: string; value: string }[] {
  const lines = example.matchAll(/^#?[ \t]*([A-Z][A-Z0-9_]*)=(['"]?)(.*)\2[ \t]*$/gm)
  return Array.from(lines, ([, name = '', , value = '']) => ({ name, value }))
}

/** The names of the variables that are read. */
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

/** The variables that docker-compose.yml reads from the same file. */
const namesComposed = Array.from(compose.matchAll(/\$\{(\w+)/g), ([, name = '']) => name)

test('.env.example names every setting once, and no others', () => {
  const names = readExample().map(({ name }) => name)

  expect(names.sort()).toEqual([...new Set([...namesRead(), ...namesComposed])].sort())
})

test('.env.example shows the defaults, and clients that are accepted', () => {
  const { bootstrapClients, ...settings } = readConfig(
    Object.fromEntries(readExample().map(({ name, value }) => [name, value])),
  )

  expect({ ...settings, bootstrapClients: [] }).toEqual(readConfig({}))
  expect(bootstrapClients.map((client) => client.role)).toEqual(['AGENT', 'SERVICE'])
})

test('the settings of the contract exist', () => {
  const promised = `HOST PORT DATABASE_URL DATABASE_POOL_SIZE DATA_DIR LOG_LEVEL BODY_LIMIT_BYTES TOKEN_TTL_SECONDS
    JWT_ISSUER JWT_AUDIENCE JWT_PRIVATE_KEY JWT_PRIVATE_KEY_FILE BOOTSTRAP_CLIENTS`

  expect(namesRead()).toEqual(expect.arrayContaining(promised.split(/\s+/)))
})
