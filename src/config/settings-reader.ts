// Reads settings one by one, and collects what is wrong with them. Pure.
import ipaddr from 'ipaddr.js'
import { readBootstrapClients } from './bootstrap-clients.ts'
import { databaseUrlProblems } from './database-url.ts'
import { isSigningKey, splitPublicKeys } from './rsa-key.ts'

/**
 * Returns functions that read a setting by its name; undefined when it is not set or empty.
 * @param problems collects the wrong settings: their names and what is accepted, never their values
 */
export function settingsReader(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
) {
  const names = new Set<string>()
  const text = (name: string) => {
    names.add(name)
    return environment[name]?.trim() || undefined
  }
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
    /** the names of the settings that have been read */
    names,
    text,
    matching,
    url,
    databaseUrl(name: string) {
      const value = text(name)
      const found = value === undefined ? [] : databaseUrlProblems(value)
      problems.push(...found.map((problem) => name + problem))
      return found.length === 0 ? value : undefined
    },
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
        problems.push(`${name} must be IP addresses or networks, separated by commas`)
      return undefined
    },
    origins(name: string) {
      const origins = text(name)?.split(/\s*,\s*/)
      if (origins?.every((one) => one === '*' || isOrigin(one))) return origins
      if (origins !== undefined)
        problems.push(`${name} must be origins such as https://app.example, separated by commas, or *`)
      return undefined
    },
    flag(name: string) {
      const value = matching(name, /^(true|false)$/, 'true or false')
      return value === undefined ? undefined : value === 'true'
    },
    /** Accepts a PEM on one line with `\n` for its line breaks: many deployment tools carry single lines only. */
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
      const read = value === undefined ? undefined : readBootstrapClients(value)
      if (read === undefined || 'clients' in read) return read?.clients
      problems.push(...read.problems.map((problem) => name + problem))
      return undefined
    },
  }
}

/** Whether the text is spelled as browsers spell origins, which are compared as text. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text
}
