// Runs the application in this process with a database behind a proxy.
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { buildApp } from '../../../src/app.ts'
import { openSigningKey } from '../../../src/auth/signing-key.ts'
import { readConfig } from '../../../src/config/config.ts'
import { openDatabase } from '../../../src/database/database.ts'
import { noAudit } from '../../support/audit.ts'
import { lowSecretCost } from '../../support/clients.ts'
import { signingKeyPem } from '../../support/keys.ts'
import { PostgresProxy } from './postgres-proxy.ts'

export interface FaultyApp {
  readonly app: FastifyInstance
  readonly proxy: PostgresProxy
  close(): Promise<void>
}

/** Short, so that statements without a response fail soon. */
const limits = { connectTimeoutMs: 400, retryTimeoutMs: 400, statementTimeoutMs: 400, lockTimeoutMs: 200 }

export async function startFaultyApp(databaseUrl: string): Promise<FaultyApp> {
  const proxy = new PostgresProxy(databaseUrl)
  await proxy.listen()
  const database = openDatabase({ url: proxy.url, poolSize: 10, ...limits }, () => {})
  const config = readConfig({ JWT_PRIVATE_KEY: signingKeyPem, SECRET_HASH_COST: `${lowSecretCost}` })
  const signingKey = await openSigningKey({ ...config.tokens, dataDirectory: config.dataDirectory })
  const app = await buildApp({ config, database, signingKey, log: pino({ level: 'silent' }), audit: noAudit })
  await app.ready()
  return {
    app,
    proxy,
    async close() {
      await app.close()
      await proxy.close()
      await database.close()
    },
  }
}
