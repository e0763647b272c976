// `serve`: runs the service until a signal stops it.
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { startInteractionApi } from '../ephemeral/start.ts'
import { stopTracing } from '../observability/tracing.ts'
import { type Server, startServer } from '../server.ts'
import { readSettings, type Terminal } from './terminal.ts'

export function addServeCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('start the service; without DATABASE_URL, with an embedded PostgreSQL')
    .option('--ephemeral', 'for tests: any free port, fixed clients, and data that is deleted at exit')
    .action(({ ephemeral }: { ephemeral?: true }) => (ephemeral ? serveEphemeral(terminal) : serve(terminal)))
}

async function serve(terminal: Terminal): Promise<void> {
  const settings = await readSettings(terminal)
  const starting = startServer(settings.config, settings.log)
  closeOnSignal(settings, async () => (await starting.catch(() => undefined))?.close())
  terminal.print(announcement(await starting))
}

async function serveEphemeral(terminal: Terminal): Promise<void> {
  const settings = await readSettings(terminal)
  const starting = startInteractionApi({ settings: terminal.environment })
  closeOnSignal(settings, async () => (await starting.catch(() => undefined))?.stop())
  const { baseUrl, credentials, dataDirectory } = await starting
  const hint = `Store sample interactions:\n\nDATA_DIR=${dataDirectory} npx interaction-api seed\n`
  terminal.print(`${announcement({ baseUrl, demoClients: credentials })}\n${hint}`)
}

/** Closes on a signal, also during the start. Waits long enough for running requests to arrive and finish. */
function closeOnSignal(
  { config, log }: Awaited<ReturnType<typeof readSettings>>,
  close: () => Promise<unknown>,
): void {
  const delay = config.http.drainMs + config.http.requestTimeoutMs + 5000
  closeWithGrace({ delay, logger: { error: (err) => log.error(err) } }, async ({ err }) => {
    // An uncaught error. Its other properties may contain secrets.
    if (err !== undefined)
      log.fatal({ reason: err.message, stack: err.stack }, 'stopping after an uncaught error')
    await close()
    await stopTracing()
  })
}

/** Returns all lines at once: scripts wait for the first line only. */
function announcement({ baseUrl, demoClients }: Pick<Server, 'baseUrl' | 'demoClients'>): string {
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
  return lines.join('\n')
}
