// The command line; the only file that touches the process.
import { readFileSync } from 'node:fs'
import closeWithGrace from 'close-with-grace'
import { Command, Option } from 'commander'
import { pino } from 'pino'
import { InvalidConfig, readConfig } from './config.ts'
import { type Database, openDatabase } from './database/database.ts'
import { DataDirectoryInUse } from './database/embedded.ts'
import { createClient, defaultScopes, listClients, type Role, revokeClient } from './oauth/clients.ts'
import { makeSecret } from './oauth/secrets.ts'
import { databaseUrl, logLost, migrateDatabase, type Server, startServer } from './server.ts'
import { forgetTotals } from './totals/counting.ts'
import { findDifferences } from './totals/verify.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

const program = new Command('interaction-api')
  .description(
    'Stores records of customer interactions. Settings come from the environment: see .env.example.',
  )
  .version(version)
  .showHelpAfterError()

program
  .command('serve')
  .description('start the service; without DATABASE_URL, with a PostgreSQL of its own')
  .action(serve)

program
  .command('migrate')
  .description('bring the schema of the database up to date')
  .action(() => withDatabase(async () => print('The schema is up to date.')))

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
  .action(createClientWithSecret)

clients
  .command('list')
  .description('list the clients, one JSON object a line')
  .action(() =>
    withDatabase(async ({ kysely }) => {
      for (const client of await listClients(kysely)) print(JSON.stringify(client))
    }),
  )

clients
  .command('revoke')
  .description('give a client no more tokens; those that it has live until they expire')
  .argument('<client-id>')
  .action((clientId: string) =>
    withDatabase(async ({ kysely }) => {
      if (!(await revokeClient(kysely, clientId))) throw new Error(`there is no client ${clientId}`)
      print(`${clientId} is revoked.`)
    }),
  )

const totals = program
  .command('totals')
  .description('the kept totals, which searches add up instead of counting')

totals
  .command('verify')
  .description(
    'recount them and print each difference, one JSON object a line; exit code 1 when there is any',
  )
  .action(() =>
    withDatabase(async (database) => {
      const differences = await findDifferences(database)
      for (const difference of differences) print(JSON.stringify(difference))
      if (differences.length > 0)
        throw new Error(`${differences.length} totals are wrong; recount drops them`)
      print('All totals are right.')
    }),
  )

totals
  .command('recount')
  .description('drop them; a running server counts them anew, and until then each search counts')
  .action(() =>
    withDatabase(async (database) => {
      await forgetTotals(database)
      print('All totals are dropped.')
    }),
  )

await program.parseAsync().catch(fail)

async function serve(): Promise<void> {
  const { config, log } = settings()
  const starting = startServer(config, log)
  // stops in order also when the signal comes during the start; a request has its whole time to arrive
  const delay = config.http.requestTimeoutMs + 5000
  closeWithGrace({ delay, logger: { error: (err) => log.error(err) } }, async ({ err }) => {
    // what was caught nowhere ends the process, and must not do so unseen; what hangs on the error may be secret
    if (err !== undefined) log.fatal({ reason: err.message, stack: err.stack }, 'stops after an error')
    await (await starting.catch(() => undefined))?.close()
  })
  announce(await starting)
}

/** In one piece, so that whoever waits for the first line has them all. */
function announce({ baseUrl, demoClients }: Server): void {
  const lines = ['', `Interaction API: ${baseUrl}/rtc-api/interactions`, `Documentation:   ${baseUrl}/docs`]
  if (demoClients !== undefined) {
    const { agent, service } = demoClients
    lines.push(
      `Demo AGENT:      ${agent.clientId} ${agent.clientSecret}`,
      `Demo SERVICE:    ${service.clientId} ${service.clientSecret}`,
      '\nTry it:\n',
      `curl -s -H "Authorization: Bearer $(curl -s -u ${agent.clientId}:${agent.clientSecret} -d grant_type=client_credentials ` +
        `${baseUrl}/security/oauth/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')" -H 'Content-Type: application/json' ` +
        `-d '{"type":"video","data":{"customerId":"c-1042"}}' ${baseUrl}/rtc-api/interactions\n`,
    )
  }
  print(lines.join('\n'))
}

async function createClientWithSecret(
  clientId: string,
  { role, organization, scope }: { role: Role; organization?: string; scope: string[] },
): Promise<void> {
  if ((role === 'SERVICE') !== (organization === undefined))
    throw new Error('--organization: every client but a SERVICE has one')
  const clientSecret = makeSecret()
  await withDatabase(async ({ kysely }) => {
    const client = { clientId, role, organizationId: organization ?? null, scopes: scope }
    if ((await createClient(kysely, client, clientSecret)) === 'duplicate')
      throw new Error(`there is a client ${clientId} already`)
    print(JSON.stringify({ ...client, clientSecret }))
  })
}

/** Works on the database of the settings, its schema up to date; beside a running server, on that server's. */
async function withDatabase(work: (database: Database) => Promise<void>): Promise<void> {
  const { config, log } = settings()
  const { url, stop } = await databaseUrl(config, log, { beside: true })
  try {
    await migrateDatabase(config, url, log)
    // what an operator asks for may take its time
    const settings = { ...config.database, url, statementTimeoutMs: 0 }
    const database = openDatabase(settings, (lost) => logLost(lost, log))
    await work(database).finally(() => database.close())
  } finally {
    await stop()
  }
}

function settings() {
  const config = readConfig(process.env)
  // to standard error, so that standard output holds what was asked for alone
  return { config, log: pino({ level: config.logLevel }, pino.destination(2)) }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fail(error: unknown): never {
  const expected = error instanceof InvalidConfig || error instanceof DataDirectoryInUse
  process.stderr.write(`interaction-api: ${messageOf(error)}\n`)
  if (!expected && process.env.LOG_LEVEL === 'debug')
    process.stderr.write(`${String(error instanceof Error && error.stack)}\n`)
  process.exit(1)
}

/** The message, and those of its causes. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`
}
