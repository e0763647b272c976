// Certificates, and PostgreSQL with TLS.
import { execFileSync } from 'node:child_process'
import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, inject } from 'vitest'
import { startEmbeddedPostgres } from '../../../src/embedded/postgres.ts'
import { makeTemporaryDirectory } from '../../../src/ephemeral/temporary-directory.ts'
import { query } from './embedded.ts'

/** A certificate and its key: paths of PEMs. */
export interface Identity {
  readonly certificate: string
  readonly key: string
}

/** Returns functions that create certificates, which are removed after the tests of the file. */
export async function openCertificates() {
  const folder = await makeTemporaryDirectory()
  afterAll(() => folder.remove())
  let created = 0
  function create(commonName: string, options: readonly string[]): Identity {
    const name = path.join(folder.path, String(created++))
    const [certificate, key] = [`${name}.pem`, `${name}.key`]
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
    const request = ['req', '-x509', ...newKey, '-subj', `/CN=${commonName}`, ...options]
    execFileSync('openssl', [...request, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
    return { certificate, key }
  }
  return {
    createAuthority: (name: string) => create(name, ['-addext', 'basicConstraints=critical,CA:TRUE']),
    /** @param alternativeName such as `DNS:localhost` */
    createIdentity: (name: string, authority: Identity, alternativeName: string) =>
      create(name, [
        ...['-CA', authority.certificate, '-CAkey', authority.key],
        ...['-addext', 'basicConstraints=CA:FALSE', '-addext', `subjectAltName=${alternativeName}`],
      ]),
  }
}

/** Starts PostgreSQL, and stops it after the tests of the file. */
export async function startForFile(settings: Readonly<Record<string, string>> = {}, files: Files = {}) {
  const data = await makeTemporaryDirectory()
  execFileSync('cp', ['-a', `${inject('preparedDirectory')}/.`, data.path])
  const cluster = path.join(data.path, 'postgres')
  const { uid, gid } = statSync(cluster)
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(cluster, name)
    writeFileSync(file, text, { mode: 0o600 })
    chownSync(file, uid, gid)
  }
  const postgres = await startEmbeddedPostgres({
    dataDirectory: data.path,
    log: () => {},
    settings: { fsync: 'off', ...settings },
  })
  afterAll(async () => {
    await postgres.stop()
    await data.remove()
  })
  return postgres
}

/** Texts by the names of files in the folder of the cluster. */
type Files = Readonly<Record<string, string>>

/**
 * Starts PostgreSQL with TLS, and stops it after the tests of the file. The role `tls_only` is let in with TLS, and
 * `identified` with a certificate of the authority for that name. The password of both is `secret`.
 */
export async function startWithTls(identity: Identity, authority: Identity) {
  const rules = [
    'hostssl all identified all scram-sha-256 clientcert=verify-full',
    'hostssl all tls_only all scram-sha-256',
    'host all tls_only,identified all reject',
    'host all all all scram-sha-256',
  ]
  const postgres = await startForFile(
    { ssl: 'on', ssl_cert_file: 'server.pem', ssl_key_file: 'server.key', ssl_ca_file: 'authority.pem' },
    {
      'server.pem': readFileSync(identity.certificate, 'utf8'),
      'server.key': readFileSync(identity.key, 'utf8'),
      'authority.pem': readFileSync(authority.certificate, 'utf8'),
      'pg_hba.conf': rules.join('\n'),
    },
  )
  for (const role of ['tls_only', 'identified'])
    await query(postgres.url, `create role ${role} login password 'secret'`)
  return postgres
}
