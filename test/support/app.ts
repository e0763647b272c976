// Builds the application like production does, on a database of its own or of the file.
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { pino } from 'pino'
import { afterAll } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { openSigningKey } from '../../src/auth/signing-key.ts'
import { readConfig } from '../../src/config/config.ts'
import type { Database } from '../../src/database/database.ts'
import { auditTo } from './audit.ts'
import { lowSecretCost } from './clients.ts'
import { type ClonedDatabase, cloneDatabase } from './database.ts'
import { signingKeyPem } from './keys.ts'
import { testDatabaseSettings } from './postgres-setup.ts'
import { bearer } from './tokens.ts'

/** The settings of every application under test. */
export const testSettings = {
  JWT_PRIVATE_KEY: signingKeyPem,
  SECRET_HASH_COST: `${lowSecretCost}`,
  KEEP_TOTALS: `${!testDatabaseSettings.isDistributed}`,
}

export interface TestApp {
  readonly app: FastifyInstance
  readonly database: Database
  readonly databaseUrl: string
  /** the lines that the application has logged */
  readonly logged: readonly string[]
  /** the lines of the audit log */
  readonly audited: string[]
  /** Sends a request with a token. The body is sent as JSON; a string is sent unchanged. */
  call(
    token: string,
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    body?: unknown,
  ): Promise<LightMyRequestResponse>
  inject(options: InjectOptions): Promise<LightMyRequestResponse>
}

/**
 * Starts the application, and closes it after the tests of the file.
 * @param environment additional settings
 * @param storage a database that several applications share; by default each gets its own
 */
export async function startTestApp(
  environment: Record<string, string> = {},
  storage?: ClonedDatabase,
): Promise<TestApp> {
  const { url, database } = storage ?? (await cloneDatabase())
  const config = readConfig({ ...testSettings, LOG_LEVEL: 'trace', ...environment })
  const signingKey = await openSigningKey({ ...config.tokens, dataDirectory: config.dataDirectory })
  const logged: string[] = []
  const log = pino({ level: config.logLevel }, { write: (line: string) => void logged.push(line) })
  const audited: string[] = []
  const audit = auditTo(audited, config.audit.level)
  const app = await buildApp({ config, database, signingKey, log, audit })
  await app.ready()
  afterAll(() => app.close())
  return {
    app,
    database,
    databaseUrl: url,
    logged,
    audited,
    call: (token, method, path, body) =>
      app.inject({
        method,
        url: `/rtc-api/interactions${path}`,
        headers: { ...bearer(token), ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    inject: (options) => app.inject(options),
  }
}
