// TLS to PostgreSQL by libpq's modes: what is verified, and what went wrong in words for the operator.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { TlsSettings } from './database-url.ts'

/**
 * Returns the options of a connection; false: without TLS. With an authority `require` verifies as `verify-ca` does.
 * @throws Error for the operator when a file cannot be used: Node would ignore some, and then trust nobody
 */
export function tlsOptions({ mode, rootCertificate, client }: TlsSettings): ConnectionOptions | false {
  if (mode === 'disable') return false
  return {
    rejectUnauthorized: mode !== 'require' || rootCertificate !== undefined,
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
    ...(rootCertificate !== undefined && {
      ca: read('sslrootcert', rootCertificate, toCertificate).pem,
    }),
    ...(client !== undefined && readClient(client)),
  }
}

function readClient({ certificate, key }: { readonly certificate: string; readonly key: string }) {
  const [cert, privateKey] = [
    read('sslcert', certificate, toCertificate),
    read('sslkey', key, createPrivateKey),
  ]
  if (!cert.parsed.checkPrivateKey(privateKey.parsed))
    throw new Error('DATABASE_URL: the key of sslkey is not that of sslcert')
  return { cert: cert.pem, key: privateKey.pem }
}

const toCertificate = (pem: string) => new X509Certificate(pem)

/** Reads a PEM. @param parse throws if the text is something else */
function read<Parsed>(
  parameter: string,
  file: string,
  parse: (pem: string) => Parsed,
): { readonly pem: string; readonly parsed: Parsed } {
  let isRead = false
  try {
    const pem = readFileSync(file, 'utf8')
    isRead = true
    return { pem, parsed: parse(pem) }
  } catch {
    throw new Error(
      `DATABASE_URL: the file of ${parameter} ${isRead ? 'must be a PEM, without a passphrase' : 'cannot be read'}`,
    )
  }
}

/** What the codes of Node and OpenSSL mean. */
const failures: readonly [codes: RegExp, reason: string][] = [
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, 'its certificate is for other host names'],
  [/^CERT_HAS_EXPIRED$/, 'its certificate has expired'],
  [/^CERT_NOT_YET_VALID$/, 'its certificate is not valid yet'],
  [/^(CERT_|DEPTH_|INVALID_|SELF_SIGNED_|UNABLE_TO_)/, 'no trusted authority has signed its certificate'],
  [/^ERR_SSL_\w*(CERT|UNKNOWN_CA)/, 'it does not accept the certificate of this service'],
  [/^(ERR_SSL_|EPROTO)/, 'it speaks none that this service speaks'],
]

/** Returns an error that says why TLS with a host failed; the error itself if that is not what failed. */
export function explainTlsFailure(error: unknown, { host, port }: { host: string; port: number }): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // pg has no code for this
  const reason = error.message.includes('does not support SSL')
    ? 'the server offers none'
    : failures.find(([codes]) => codes.test(code))?.[1]
  return reason === undefined ? error : new Error(`TLS with ${host}:${port} failed: ${reason}`)
}
