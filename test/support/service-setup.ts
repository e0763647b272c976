// Provides the service that the contract suite calls: the one at CONTRACT_URL, or an ephemeral one.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { makeTemporaryDirectory } from '../../src/ephemeral/temporary-directory.ts'
import setUpPostgres, { withDatabase } from './postgres-setup.ts'
import { startService } from './service.ts'

interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

declare module 'vitest' {
  interface ProvidedContext {
    baseUrl: string
    agent: Credentials
    otherAgent: Credentials
    service: Credentials
    /** the organization of `agent` */
    organizationId: string
  }
}

/**
 * CONTRACT_CLIENTS lists the clients of the service at CONTRACT_URL in the format of BOOTSTRAP_CLIENTS: an AGENT, an
 * AGENT of another organization, and a SERVICE, in this order.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { CONTRACT_URL: given, CONTRACT_CLIENTS = JSON.stringify(makeClients()) } = process.env
  const [agent, otherAgent, service] = JSON.parse(CONTRACT_CLIENTS)
  const { baseUrl, stop } =
    given === undefined ? await start(project, CONTRACT_CLIENTS) : { baseUrl: given, stop: async () => {} }
  project.provide('baseUrl', baseUrl)
  project.provide('agent', agent)
  project.provide('otherAgent', otherAgent)
  project.provide('service', service)
  project.provide('organizationId', agent.organizationId)
  return stop
}

function makeClients() {
  const secret = () => ({ clientSecret: randomUUID() })
  return [
    { clientId: 'contract-agent', role: 'AGENT', organizationId: 'contract', ...secret() },
    { clientId: 'contract-other-agent', role: 'AGENT', organizationId: 'contract-other', ...secret() },
    { clientId: 'contract-service', role: 'SERVICE', ...secret() },
  ]
}

/** Starts the service on its own database, on the PostgreSQL that all suites share. */
async function start(project: TestProject, clients: string) {
  const stopPostgres = await setUpPostgres(project)
  const { postgresUrl, templateDatabase } = project.getProvidedContext()
  const name = `contract_${project.name}_${process.pid}`
  const admin = new pg.Client({ connectionString: postgresUrl })
  // the suite that started PostgreSQL may end, and stop it, before this one
  admin.on('error', () => {})
  await admin.connect()
  await admin.query(`create database ${name} template ${templateDatabase}`)
  const folder = await makeTemporaryDirectory()
  const service = await startService({
    DATABASE_URL: withDatabase(postgresUrl, name),
    DATA_DIR: folder.path,
    BOOTSTRAP_CLIENTS: clients,
  })
  return {
    baseUrl: service.baseUrl,
    stop: async () => {
      await service.stop()
      await folder.remove()
      await admin.query(`drop database ${name}`).catch(() => {})
      await admin.end().catch(() => {})
      await stopPostgres?.()
    },
  }
}
