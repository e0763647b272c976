// The URL of the database, with one host or several, as libpq has it (PostgreSQL documentation, "Connection Strings").
import { isIPv6 } from 'node:net'

/** Which sessions may be used, by libpq's names. */
const sessionTargets = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

export type SessionTarget = (typeof sessionTargets)[number]

/** Without `allow` and `prefer`: the driver does not go on without TLS when the server has none. */
const tlsModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const

export interface TlsSettings {
  readonly mode: (typeof tlsModes)[number]
  /** path of a PEM; undefined: the authorities that Node trusts */
  readonly rootCertificate: string | undefined
  /** what identifies the service: paths of PEMs */
  readonly client: { readonly certificate: string; readonly key: string } | undefined
}

/** Where a database is, and how to log in. The driver has defaults for what is undefined. */
export interface DatabaseLocation {
  /** in the order of the list */
  readonly hosts: readonly { readonly host: string | undefined; readonly port: number | undefined }[]
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
  readonly applicationName: string | undefined
  readonly tls: TlsSettings | undefined
  readonly target: SessionTarget
}

/** The parts of a URL, decoded. Parameters have replaced what stood before them. */
interface Parts {
  /** of each host; empty: the default */
  readonly hosts: readonly string[]
  /** of each host, or one for all; empty: the default */
  readonly ports: readonly string[]
  readonly user: string
  readonly password: string
  readonly database: string
  readonly parameters: ReadonlyMap<string, string>
}

const form =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^:/?#@\s]*)(?::(?<password>[^/?#@\s]*))?@)?(?<hosts>[^/?#@\s]*)(?:\/(?<database>[^?#\s]*))?(?:\?(?<query>[^#\s]*))?$/

const hostForm = /^(?:\[(?<address>[^\]]*)\]|(?<name>[^:[\]]*))(?::(?<port>[^:]*))?$/

const formProblem =
  ' must be a postgres:// URL, its password percent-encoded, its ports from 1 to 65535, and IPv6 addresses in brackets'

/** The parameters that the service takes, with their meaning for libpq. */
const knownParameters = [
  'application_name',
  'dbname',
  'host',
  'password',
  'port',
  'sslcert',
  'sslkey',
  'sslmode',
  'sslrootcert',
  'target_session_attrs',
  'user',
]

/** Why the service does not take others, if there is more to say. */
const refusedParameters = new Map([
  ['options', ' must be without options: they would replace those that the service sets'],
  ['connect_timeout', ' must be without connect_timeout: set DATABASE_CONNECT_TIMEOUT_MS'],
])

/** Returns what is wrong with a URL, as phrases that follow the name of the setting and contain no value. */
export function databaseUrlProblems(text: string): string[] {
  const parts = split(text)
  if (typeof parts === 'string') return [parts]
  const { hosts, ports, parameters } = parts
  const names = [...parameters.keys()]
  const target = parameters.get('target_session_attrs')
  const mode = parameters.get('sslmode')
  const rootCertificate = parameters.get('sslrootcert')
  const problems: [isWrong: boolean, problem: string][] = [
    [hosts.length > 1 && hosts.includes(''), ' must be without empty hosts in its list'],
    [ports.length > 1 && ports.length !== hosts.length, ' must have one port for all hosts, or one for each'],
    [
      names.some((name) => !knownParameters.includes(name) && !refusedParameters.has(name)),
      ` must be without parameters other than ${knownParameters.join(', ')}`,
    ],
    ...[...refusedParameters].map(([name, problem]): [boolean, string] => [parameters.has(name), problem]),
    [
      target !== undefined && !sessionTargets.some((known) => known === target),
      `: target_session_attrs must be one of ${sessionTargets.join(', ')}`,
    ],
    [
      mode !== undefined && !tlsModes.some((known) => known === mode),
      `: sslmode must be one of ${tlsModes.join(', ')}`,
    ],
    [
      mode === undefined && names.some((name) => /^ssl(rootcert|cert|key)$/.test(name)),
      ': sslrootcert, sslcert and sslkey need sslmode',
    ],
    [mode === 'verify-ca' && rootCertificate === undefined, ': sslmode=verify-ca needs sslrootcert'],
    [
      rootCertificate === 'system' && mode !== undefined && mode !== 'verify-full',
      ': sslrootcert=system needs sslmode=verify-full',
    ],
    [parameters.has('sslcert') !== parameters.has('sslkey'), ': sslcert and sslkey need each other'],
  ]
  return problems.filter(([isWrong]) => isWrong).map(([, problem]) => problem)
}

/**
 * Reads a URL without problems.
 * @throws Error for the operator if it is none
 */
export function readDatabaseUrl(text: string): DatabaseLocation {
  const parts = split(text)
  if (typeof parts === 'string') throw new Error(`the URL of the database${parts}`)
  const { hosts, ports, parameters } = parts
  const mode = tlsModes.find((known) => known === parameters.get('sslmode'))
  const [rootCertificate, certificate, key] = ['sslrootcert', 'sslcert', 'sslkey'].map((name) =>
    parameters.get(name),
  )
  return {
    hosts: hosts.map((host, index) => ({
      host: host || undefined,
      port: Number(ports[ports.length === 1 ? 0 : index]) || undefined,
    })),
    user: parts.user || undefined,
    password: parts.password || undefined,
    database: parts.database || undefined,
    applicationName: parameters.get('application_name') || undefined,
    tls: mode && {
      mode,
      rootCertificate: rootCertificate === 'system' ? undefined : rootCertificate,
      client: certificate === undefined || key === undefined ? undefined : { certificate, key },
    },
    target: sessionTargets.find((known) => known === parameters.get('target_session_attrs')) ?? 'any',
  }
}

/** Returns the parts of a URL, or what is wrong with its form. */
function split(text: string): Parts | string {
  const { user = '', password = '', hosts, database = '', query = '' } = form.exec(text)?.groups ?? {}
  if (hosts === undefined || !isPercentEncoded(text)) return formProblem
  const pairs = query.split('&').filter((pair) => pair !== '')
  const parameters = new Map(pairs.map((pair) => decodePair(pair.split('='))))
  if (parameters.size < pairs.length || pairs.some((pair) => !/^[^=]+=[^=]*$/.test(pair)))
    return ' must have each parameter once, as name=value'
  const places = hosts.split(',').map(readPlace)
  const partOf = (name: string, before: string) => parameters.get(name) ?? decodeURIComponent(before)
  const ports = partOf('port', places.map((place) => place?.port).join()).split(',')
  if (places.includes(undefined) || !ports.every(isPort)) return formProblem
  return {
    hosts: partOf('host', places.map((place) => place?.host).join()).split(','),
    ports,
    user: partOf('user', user),
    password: partOf('password', password),
    database: partOf('dbname', database),
    parameters,
  }
}

/** Returns a host and its port, not decoded; undefined if it has another form. */
function readPlace(text: string): { readonly host: string; readonly port: string } | undefined {
  const { address, name, port = '' } = hostForm.exec(text)?.groups ?? {}
  if (address !== undefined) return isIPv6(decodeURIComponent(address)) ? { host: address, port } : undefined
  return name === undefined ? undefined : { host: name, port }
}

function isPort(text: string): boolean {
  return text === '' || (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535)
}

function decodePair([name = '', value = '']: readonly string[]): [name: string, value: string] {
  return [decodeURIComponent(name), decodeURIComponent(value)]
}

/** Whether each `%` begins an escape of UTF-8, and none of them is a NUL. */
function isPercentEncoded(text: string): boolean {
  try {
    return !decodeURIComponent(text).includes('\0')
  } catch {
    return false
  }
}
