// `clients`: manages the clients that can get tokens.
import { type Command, Option } from 'commander'
import type { Kysely } from 'kysely'
import {
  createClient,
  defaultScopes,
  deleteClient,
  type ListedClient,
  listClients,
  type Role,
  revokeClient,
  toAuditFields,
} from '../auth/clients/clients.ts'
import { dropOldSecret, rotateSecret } from '../auth/clients/rotation.ts'
import { makeSecret } from '../auth/clients/secrets.ts'
import type { Tables } from '../database/tables.ts'
import type { AuditEvent } from '../observability/audit/log.ts'
import { isScope, scopeDescriptions } from '../types/scope.ts'
import { addScope, readDuration, readIdentifier } from './arguments.ts'
import { type Columns, jsonOption, printRows, printSecret, type SecretOptions } from './results.ts'
import { type Terminal, withDatabase } from './terminal.ts'

const scopeNames = Object.keys(scopeDescriptions).join(', ')

const secretOnly = () => new Option('--secret-only', 'print nothing but the secret').conflicts('json')

const clientColumns: Columns<ListedClient> = {
  CLIENT: ({ clientId }) => clientId,
  ROLE: ({ role }) => role,
  ORGANIZATION: ({ organizationId }) => organizationId,
  SCOPES: ({ scopes }) => scopes.join(' '),
  CREATED: ({ createdAt }) => createdAt,
  REVOKED: ({ revokedAt }) => revokedAt,
  'OLD SECRET UNTIL': ({ oldSecretExpiresAt }) => oldSecretExpiresAt,
}

export function addClientCommands(program: Command, terminal: Terminal): void {
  const clients = program.command('clients').description('manage the clients that can get tokens')

  clients
    .command('create')
    .description('create a client and print its secret, which cannot be shown again')
    .argument('<client-id>', 'ID of the client; the subject of its tokens', readIdentifier)
    .addOption(
      new Option('--role <role>', 'role in its tokens')
        .choices(['AGENT', 'SUPERVISOR', 'SERVICE'])
        .makeOptionMandatory(),
    )
    .option('--organization <id>', 'organization of the client; not for SERVICE', readIdentifier)
    .option(
      '--scope <scope>',
      `scope of its tokens, repeatable: ${scopeNames}; by default ${defaultScopes}`,
      addScope,
    )
    .option(...jsonOption)
    .addOption(secretOnly())
    .action((clientId: string, options: NewClient) => createWithSecret(terminal, clientId, options))

  clients
    .command('list')
    .description('list the clients')
    .option(...jsonOption)
    .action(({ json }: { json?: true }) =>
      withDatabase(terminal, async ({ kysely }) =>
        printRows(terminal, await listClients(kysely), clientColumns, json),
      ),
    )

  clients
    .command('rotate')
    .description('give a client a new secret and print it; it cannot be shown again')
    .argument('<client-id>')
    .addOption(
      new Option(
        '--keep-old-for [duration]',
        'how long the old secret stays valid, such as 30m or 7d (24h if omitted); without this option it ends now',
      )
        .preset('24h')
        .argParser(readDuration),
    )
    .option(...jsonOption)
    .addOption(secretOnly())
    .action((clientId: string, options: Rotation) => rotate(terminal, clientId, options))

  const addChange = (name: string, description: string, change: ClientChange) =>
    clients
      .command(name)
      .description(description)
      .argument('<client-id>')
      .action((clientId: string) => changeClient(terminal, clientId, change))

  addChange('drop-old-secret', 'end the time of the old secret of a client now', {
    apply: dropOldSecret,
    event: 'client.old_secret_dropped',
    done: 'Dropped the old secret of',
    failure: 'does not exist, or has no old secret',
  })
  addChange('revoke', 'stop issuing tokens to a client; its existing tokens stay valid until they expire', {
    apply: revokeClient,
    event: 'client.revoked',
    done: 'Revoked',
  })
  addChange(
    'delete',
    'delete a client; its id can be used again, and its existing tokens stay valid until they expire',
    { apply: deleteClient, event: 'client.deleted', done: 'Deleted' },
  )
}

interface NewClient extends SecretOptions {
  readonly role: Role
  readonly organization?: string
  readonly scope?: readonly string[]
}

interface Rotation extends SecretOptions {
  /** seconds */
  readonly keepOldFor?: number
}

/** A change of a client that prints no secret. */
interface ClientChange {
  /** @returns false when there is nothing to change */
  readonly apply: (kysely: Kysely<Tables>, clientId: string) => Promise<boolean>
  readonly event: AuditEvent
  /** what is printed before the id */
  readonly done: string
  /** what is wrong with the client when there is nothing to change */
  readonly failure?: string
}

async function changeClient(
  terminal: Terminal,
  clientId: string,
  { apply, event, done, failure = 'does not exist' }: ClientChange,
): Promise<void> {
  await withDatabase(terminal, async ({ kysely }, _log, _config, audit) => {
    if (!(await apply(kysely, clientId))) throw new Error(`the client ${clientId} ${failure}`)
    audit.record(event, { operator: terminal.operator, client: clientId })
    terminal.print(`${done} ${clientId}.`)
  })
}

async function createWithSecret(
  terminal: Terminal,
  clientId: string,
  { role, organization, scope = defaultScopes, ...output }: NewClient,
): Promise<void> {
  if ((role === 'SERVICE') !== (organization === undefined))
    throw new Error(
      '--organization is required for the roles AGENT and SUPERVISOR, and not allowed for SERVICE',
    )
  if (!scope.some(isScope)) throw new Error(`--scope: one of the scopes must be ${scopeNames}`)
  const clientSecret = makeSecret()
  await withDatabase(terminal, async ({ kysely }, _log, { tokens }, audit) => {
    const client = { clientId, role, organizationId: organization ?? null, scopes: scope }
    if ((await createClient(kysely, client, clientSecret, tokens.secretCost)) === 'duplicate')
      throw new Error(`the client ${clientId} already exists`)
    audit.record('client.created', { operator: terminal.operator, ...toAuditFields(client) })
    printSecret(terminal, { ...client, clientSecret }, `Created ${clientId}`, output)
  })
}

async function rotate(
  terminal: Terminal,
  clientId: string,
  { keepOldFor: keepOldSeconds = 0, ...output }: Rotation,
): Promise<void> {
  const clientSecret = makeSecret()
  await withDatabase(terminal, async ({ kysely }, _log, { tokens }, audit) => {
    const rotated = await rotateSecret(kysely, clientId, clientSecret, {
      keepOldSeconds,
      secretCost: tokens.secretCost,
    })
    if (rotated === 'missing') throw new Error(`the client ${clientId} does not exist`)
    if (rotated === 'revoked') throw new Error(`the client ${clientId} is revoked`)
    audit.record('client.rotated', { operator: terminal.operator, client: clientId, ...rotated })
    const until = rotated.oldSecretExpiresAt
    const sentence = `Rotated ${clientId}. The old secret ${until === null ? 'has ended' : `works until ${until}`}`
    printSecret(terminal, { clientId, clientSecret, ...rotated }, sentence, output)
  })
}
