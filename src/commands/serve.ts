// `serve`: runs the service until a signal stops it.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { type Config, settingsOf } from '../config/config.ts'
import { startInteractionApi } from '../ephemeral/start.ts'
import { clientFragment } from '../http/openapi/docs-client.ts'
import { stopTracing } from '../observability/tracing.ts'
import { type Server, startServer } from '../server.ts'
import { readSettings, type Terminal } from './terminal.ts'

export function addServeCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('start the service; without DATABASE_URL, with an embedded PostgreSQL')
    .option('--ephemeral', 'for tests: any free port, fixed clients, and data that is deleted at exit')
    .option('--port <number>', 'the port to listen on, instead of PORT; 0: any free one')
    .action(({ ephemeral, port }: { ephemeral?: true; port?: string }) => {
      const environment = port === undefined ? terminal.environment : { ...terminal.environment, PORT: port }
      return ephemeral ? serveEphemeral({ ...terminal, environment }) : serve({ ...terminal, environment })
    })
}

async function serve(terminal: Terminal): Promise<void> {
  const settings = await readSettings(terminal)
  const { config, log } = settings
  const stopping = new AbortController()
  const starting = startServer(config, log, { signal: stopping.signal })
  const hasAuditFile = config.audit.level !== 'off' && config.audit.file !== undefined
  if (hasAuditFile) terminal.onHangup(async () => (await starting.catch(() => undefined))?.reopenAuditLog())
  closeOnSignal(
    terminal,
    settings,
    async () => {
      stopping.abort()
      await (await starting.catch(() => undefined))?.close()
    },
    hasAuditFile ? ['SIGHUP'] : [],
  )
  const server = await starting.catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })
  if (server === undefined) return
  await writeAddress(config, server.baseUrl).catch((error: Error) =>
    log.warn({ reason: error.message }, 'base-url is not written to DATA_DIR'),
  )
  const [first] = config.tokens.endpoint ? config.bootstrapClients : []
  terminal.print(announcement({ ...server, publicUrl: config.http.publicUrl, clientId: first?.clientId }))
  // Only after the first collection does V8 keep the heap small (bin/interaction-api.js). Left to itself, that is under load.
  terminal.collectGarbage()
}

/** Scripts read the address there: the port is another one when 8080 is in use. */
async function writeAddress({ dataDirectory }: Config, baseUrl: string): Promise<void> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
  await writeFile(path.join(dataDirectory, 'base-url'), `${baseUrl}\n`)
}

async function serveEphemeral(terminal: Terminal): Promise<void> {
  const settings = await readSettings(terminal)
  const starting = startInteractionApi({ settings: settingsOf(terminal.environment) })
  closeOnSignal(terminal, settings, async () => (await starting.catch(() => undefined))?.stop())
  const { baseUrl, credentials, dataDirectory } = await starting
  const hint = `Store sample interactions:\n\nDATA_DIR=${dataDirectory} npx --no-install interaction-api seed\n`
  terminal.print(`${announcement({ baseUrl, demoClients: credentials })}\n${hint}`)
}

/**
 * Closes on a signal, also during the start. Waits long enough for running requests to arrive and finish.
 * @param otherwiseUsed signals that do not stop it
 */
function closeOnSignal(
  terminal: Terminal,
  { config, log }: Awaited<ReturnType<typeof readSettings>>,
  close: () => Promise<unknown>,
  otherwiseUsed: closeWithGrace.AllEvents[] = [],
): void {
  const delay = config.http.drainMs + config.http.requestTimeoutMs + 5000
  const options = {
    delay,
    logger: { error: (err: unknown) => log.error(err) },
    skip: [...stopSignals, ...otherwiseUsed],
  }
  const graceful = closeWithGrace(options, async ({ err }) => {
    // An uncaught error. Its other properties may contain secrets.
    if (err !== undefined)
      log.fatal({ reason: err.message, stack: err.stack }, 'stopping after an uncaught error')
    await close()
    await stopTracing()
  })
  terminal.onStopSignal(() => graceful.close())
}

/** Received by the terminal, which tolerates that they arrive twice. */
const stopSignals = ['SIGINT', 'SIGTERM'] as const

interface Announced extends Pick<Server, 'baseUrl' | 'demoClients'> {
  /** where clients reach the service, if that is configured */
  readonly publicUrl?: string | undefined
  /** a configured client */
  readonly clientId?: string | undefined
}

/** Returns all lines at once: scripts wait for the first line only. */
function announcement({ baseUrl, publicUrl = baseUrl, demoClients, clientId }: Announced): string {
  const client = demoClients === undefined ? '' : clientFragment(demoClients.agent)
  const lines = [
    '',
    `Interaction API: ${baseUrl}/rtc-api/interactions`,
    `Documentation:   ${publicUrl}/docs${client}`,
  ]
  const askForToken = (user: string) =>
    `curl -s -u ${user} -d grant_type=client_credentials ${publicUrl}/security/oauth/token`
  if (demoClients !== undefined) {
    const { agent, service } = demoClients
    lines.push(
      `Demo AGENT:      ${agent.clientId} ${agent.clientSecret}`,
      `Demo SERVICE:    ${service.clientId} ${service.clientSecret}`,
      '\nTry it:\n',
      `curl -s -H "Authorization: Bearer $(${askForToken(`${agent.clientId}:${agent.clientSecret}`)} | ` +
        `sed 's/.*"access_token":"\\([^"]*\\).*/\\1/')" -H 'Content-Type: application/json' ` +
        `-d '{"type":"video","data":{"customerId":"c-1042"}}' ${publicUrl}/rtc-api/interactions\n`,
    )
  } else if (clientId !== undefined) {
    const quoted = `'${clientId.replaceAll("'", "'\\''")}'`
    lines.push('\nGet a token; curl asks for the secret:\n', `${askForToken(quoted)}\n`)
  }
  return lines.join('\n')
}
