// `clients`: who may ask for tokens.
import { type Command, Option } from 'commander'
import { createClient, defaultScopes, listClients, type Role, revokeClient } from '../auth/clients.ts'
import { makeSecret } from '../auth/secrets.ts'
import { type Terminal, withDatabase } from './terminal.ts'

export function addClientCommands(program: Command, terminal: Terminal): void {
  const clients = program.command('clients').description('who may ask for tokens')

  clients
    .command('create')
    .description('create a client and print its secret, which is not stored and cannot be shown again')
    .argument('<client-id>')
    .addOption(
      new Option('--role <role>', 'what it may do')
        .choices(['AGENT', 'SUPERVISOR', 'SERVICE'])
        .makeOptionMandatory(),
    )
    .option('--organization <id>', 'its organization; a SERVICE has none')
    .option('--scope <scopes...>', 'what its tokens may be asked for', [...defaultScopes])
    .action((clientId: string, options: NewClient) => createWithSecret(terminal, clientId, options))

  clients
    .command('list')
    .description('list the clients, one JSON object a line')
    .action(() =>
      withDatabase(terminal, async ({ kysely }) => {
        for (const client of await listClients(kysely)) terminal.print(JSON.stringify(client))
      }),
    )

  clients
    .command('revoke')
    .description('give a client no more tokens; those that it has live until they expire')
    .argument('<client-id>')
    .action((clientId: string) =>
      withDatabase(terminal, async ({ kysely }) => {
        if (!(await revokeClient(kysely, clientId))) throw new Error(`there is no client ${clientId}`)
        terminal.print(`${clientId} is revoked.`)
      }),
    )
}

interface NewClient {
  readonly role: Role
  readonly organization?: string
  readonly scope: string[]
}

async function createWithSecret(
  terminal: Terminal,
  clientId: string,
  { role, organization, scope }: NewClient,
): Promise<void> {
  if ((role === 'SERVICE') !== (organization === undefined))
    throw new Error('--organization: every client but a SERVICE has one')
  const clientSecret = makeSecret()
  await withDatabase(terminal, async ({ kysely }) => {
    const client = { clientId, role, organizationId: organization ?? null, scopes: scope }
    if ((await createClient(kysely, client, clientSecret)) === 'duplicate')
      throw new Error(`there is a client ${clientId} already`)
    terminal.print(JSON.stringify({ ...client, clientSecret }))
  })
}
