// Demo clients of a local server, an AGENT and a SERVICE: created once with random secrets that are kept in a file.
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Kysely } from 'kysely'
import type { Tables } from '../../database/tables.ts'
import { createClient, defaultScopes, putClient } from './clients.ts'
import { makeSecret } from './secrets.ts'

const word = Type.String({ pattern: '^[\\w-]+$' })
const DemoClient = Type.Object({ clientId: word, clientSecret: word })
const DemoClients = Type.Object({ agent: DemoClient, service: DemoClient })

export type DemoClients = Static<typeof DemoClients>

const organizationId = 'demo-organization'

/**
 * Creates the demo clients with the secrets in the data directory. A revoked client stays revoked, unless that file is
 * missing or damaged: then both clients get new secrets.
 * @returns the credentials
 */
export async function openDemoClients(
  kysely: Kysely<Tables>,
  dataDirectory: string,
  secretCost: number,
): Promise<DemoClients> {
  const { clients, isNew } = await readOrMake(path.join(dataDirectory, 'demo-clients.json'))
  const store = isNew ? putClient : createClient
  const agent = {
    clientId: clients.agent.clientId,
    role: 'AGENT',
    organizationId,
    scopes: defaultScopes,
  } as const
  const service = {
    clientId: clients.service.clientId,
    role: 'SERVICE',
    organizationId: null,
    scopes: defaultScopes,
  } as const
  await Promise.all([
    store(kysely, agent, clients.agent.clientSecret, secretCost),
    store(kysely, service, clients.service.clientSecret, secretCost),
  ])
  return clients
}

async function readOrMake(file: string): Promise<{ clients: DemoClients; isNew: boolean }> {
  const kept = await readFile(file, 'utf8')
    .then(JSON.parse)
    .catch(() => undefined)
  if (Value.Check(DemoClients, kept)) return { clients: kept, isNew: false }
  const clients = {
    agent: { clientId: 'demo-agent', clientSecret: makeSecret() },
    service: { clientId: 'demo-service', clientSecret: makeSecret() },
  }
  await writeFile(`${file}.new`, JSON.stringify(clients, null, 2), { mode: 0o600 })
  await rename(`${file}.new`, file)
  return { clients, isNew: true }
}
