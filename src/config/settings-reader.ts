// Reads one setting after the other, and notes what is wrong with each; pure.
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import ipaddr from 'ipaddr.js'
import { isSigningKey, splitPublicKeys } from './rsa-key.ts'

const BootstrapClient = Type.Object(
  {
    clientId: Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' }),
    clientSecret: Type.String({ minLength: 1, maxLength: 1024, pattern: '^[\\x20-\\x7e]+$' }),
    role: Type.Union([Type.Literal('AGENT'), Type.Literal('SUPERVISOR'), Type.Literal('SERVICE')]),
    organizationId: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    scopes: Type.Optional(Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$' }))),
  },
  { additionalProperties: false },
)

/** A client that is created or updated at each start. */
export type BootstrapClient = Static<typeof BootstrapClient>

/**
 * Reads settings by name: undefined is returned for one that is not set, or set to nothing.
 * @param problems where each wrong one is added, by its name and what would be accepted, never by its value
 */
export function settingsReader(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
) {
  const text = (name: string) => environment[name]?.trim() || undefined
  const url = (name: string, pattern: RegExp, expected: string) => {
    const value = matching(name, pattern, expected)
    if (value === undefined || URL.canParse(value)) return value
    problems.push(`${name} must be ${expected}`)
    return undefined
  }
  const matching = (name: string, pattern: RegExp, expected: string) => {
    const value = text(name)
    if (value === undefined || pattern.test(value)) return value
    problems.push(`${name} must be ${expected}`)
    return undefined
  }
  return {
    text,
    matching,
    url,
    integer(name: string, minimum: number, maximum: number) {
      const value = text(name)
      if (value === undefined) return undefined
      if (/^\d{1,15}$/.test(value) && Number(value) >= minimum && Number(value) <= maximum)
        return Number(value)
      problems.push(`${name} must be a whole number from ${minimum} to ${maximum}`)
      return undefined
    },
    oneOf<const Choice extends string>(name: string, choices: readonly Choice[]) {
      const value = text(name)
      const choice = choices.find((candidate) => candidate === value)
      if (value !== undefined && choice === undefined)
        problems.push(`${name} must be one of ${choices.join(', ')}`)
      return choice
    },
    networks(name: string) {
      const networks = text(name)?.split(/\s*,\s*/)
      if (networks?.every((one) => ipaddr.isValid(one) || ipaddr.isValidCIDR(one))) return networks
      if (networks !== undefined)
        problems.push(`${name} must be IP addresses or networks, with commas between`)
      return undefined
    },
    origins(name: string) {
      const origins = text(name)?.split(/\s*,\s*/)
      if (origins?.every((one) => one === '*' || isOrigin(one))) return origins
      if (origins !== undefined)
        problems.push(`${name} must be origins such as https://app.example, with commas between, or *`)
      return undefined
    },
    flag(name: string) {
      const value = matching(name, /^(true|false)$/, 'true or false')
      return value === undefined ? undefined : value === 'true'
    },
    /** A PEM on one line, with `\n` written out, is what many deployment tools can carry. */
    privateKey(name: string) {
      const pem = text(name)?.replaceAll('\\n', '\n')
      if (pem === undefined || isSigningKey(pem)) return pem
      problems.push(`${name} must be a PEM with an RSA private key of 2048 bits or more`)
      return undefined
    },
    publicKeys(name: string) {
      const value = text(name)?.replaceAll('\\n', '\n')
      const keys = value === undefined ? undefined : splitPublicKeys(value)
      if (value !== undefined && keys === undefined)
        problems.push(`${name} must be PEMs with RSA public keys of 2048 bits or more`)
      return keys
    },
    clients(name: string) {
      const value = text(name)
      if (value === undefined) return undefined
      const clients = parseJson(value)
      if (Value.Check(Type.Array(BootstrapClient), clients)) return checkClients(name, clients, problems)
      const { path } = Value.Errors(Type.Array(BootstrapClient), clients).First() ?? { path: '' }
      problems.push(
        `${name} must be a JSON array of {"clientId", "clientSecret", "role": "AGENT"|"SUPERVISOR"|"SERVICE", ` +
          `"organizationId"}${path === '' ? '' : `; wrong at ${path}`}`,
      )
      return undefined
    },
  }
}

function checkClients(name: string, clients: BootstrapClient[], problems: string[]): BootstrapClient[] {
  clients.forEach((client, index) => {
    if (client.role !== 'SERVICE' && client.organizationId === undefined)
      problems.push(`${name}: /${index} needs an organizationId, being no SERVICE`)
    if (client.role === 'SERVICE' && client.organizationId !== undefined)
      problems.push(`${name}: /${index} is a SERVICE and must not have an organizationId`)
  })
  if (new Set(clients.map((client) => client.clientId)).size < clients.length)
    problems.push(`${name}: each clientId may stand there once`)
  return clients
}

/** Whether it is written as a browser writes it, which is how it is compared. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
