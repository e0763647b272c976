// The URL of the database, with one host or several, as libpq has it (PostgreSQL documentation, "Connection Strings").

/** Which sessions may be used, by libpq's names. */
const sessionTargets = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const

export type SessionTarget = (typeof sessionTargets)[number]

export interface DatabaseHosts {
  /** a URL for each host, in the order of the list */
  readonly urls: readonly string[]
  readonly target: SessionTarget
}

/** Without `allow` and `prefer`: the driver does not go on without TLS when the server has none. */
const sslModes = ['disable', 'require', 'verify-ca', 'verify-full']

const form = /^(?<before>postgres(?:ql)?:\/\/(?:[^/?#\s]*@)?)(?<hosts>[^/?#@\s]*)(?<after>[/?#]\S*)?$/

/** Returns what is wrong with a URL, as phrases that follow the name of the setting and contain no value. */
export function databaseUrlProblems(text: string): string[] {
  const hosts = form.exec(text)?.groups?.hosts?.split(',')
  if (hosts === undefined || !isPercentEncoded(text))
    return [' must be a postgres:// URL, its password percent-encoded']
  if (hosts.length > 1 && hosts.some((host) => /^(:\d*)?$/.test(host)))
    return [' must be without empty hosts in its list']
  const urls = splitUrl(text)
  if (!urls.every((url) => URL.canParse(url) && new URL(url).port !== '0'))
    return [
      ' must be a postgres:// URL, its password percent-encoded, its ports from 1 to 65535, and IPv6 addresses in brackets',
    ]
  const parameters = new URL(urls[0] ?? '').searchParams
  const target = parameters.get('target_session_attrs')
  const sslMode = parameters.get('sslmode')
  const rootCertificate = parameters.get('sslrootcert')
  const problems: [isWrong: boolean, problem: string][] = [
    [
      hasHosts(parameters, hosts.length > 1),
      ' must be without hosts in its parameters: a list of hosts stands before the path',
    ],
    [parameters.has('options'), ' must be without options: they would replace those that the service sets'],
    [
      target !== null && !sessionTargets.some((known) => known === target),
      `: target_session_attrs must be one of ${sessionTargets.join(', ')}`,
    ],
    [sslMode !== null && !sslModes.includes(sslMode), `: sslmode must be one of ${sslModes.join(', ')}`],
    [sslMode === 'verify-ca' && rootCertificate === null, ': sslmode=verify-ca needs sslrootcert'],
    [
      rootCertificate === 'system' && sslMode !== 'verify-full',
      ': sslrootcert=system needs sslmode=verify-full',
    ],
  ]
  return problems.filter(([isWrong]) => isWrong).map(([, problem]) => problem)
}

/** Splits a URL without problems into one for each host, which the driver understands. */
export function readHosts(text: string): DatabaseHosts {
  const urls = splitUrl(text).map(toDriverUrl)
  const target = new URL(urls[0] ?? '').searchParams.get('target_session_attrs')
  return { urls, target: sessionTargets.find((known) => known === target) ?? 'any' }
}

function splitUrl(text: string): string[] {
  const { before = '', hosts = '', after = '' } = form.exec(text)?.groups ?? {}
  return hosts.split(',').map((host) => `${before}${host}${after}`)
}

/** Whether each `%` begins an escape of UTF-8. */
function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** A single host may be a parameter: the folder of a socket, for example. */
function hasHosts(parameters: URLSearchParams, hasList: boolean): boolean {
  const [host, port] = [parameters.get('host'), parameters.get('port')]
  return (hasList && (host ?? port) !== null) || [host, port].some((value) => value?.includes(','))
}

/** The driver gives the modes of TLS other meanings than libpq, unless told otherwise. */
function toDriverUrl(text: string): string {
  const url = new URL(text)
  if (!url.searchParams.has('sslmode')) return text
  url.searchParams.set('uselibpqcompat', 'true')
  // Node trusts the certificates of the system's authorities by default.
  if (url.searchParams.get('sslrootcert') === 'system') url.searchParams.delete('sslrootcert')
  return url.href
}
