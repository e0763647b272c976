// `serve`: the service until a signal ends it.
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { startInteractionApi } from '../ephemeral/start.ts'
import { stopTracing } from '../observability/tracing.ts'
import { type Server, startServer } from '../server.ts'
import { readSettings, type Terminal } from './terminal.ts'

export function addServeCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('start the service; without DATABASE_URL, with a PostgreSQL of its own')
    .option('--ephemeral', 'for tests: on any free port, with fixed clients, and data that vanish at exit')
    .action(({ ephemeral }: { ephemeral?: true }) => (ephemeral ? serveTwin(terminal) : serve(terminal)))
}

async function serve(terminal: Terminal): Promise<void> {
  const settings = await readSettings(terminal)
  const starting = startServer(settings.config, settings.log)
  closeOnSignal(settings, async () => (await starting.catch(() => undefined))?.close())
  terminal.print(announcement(await starting))
}

async function serveTwin(terminal: Terminal): Promise<void> {
  const settings = await readSettings(terminal)
  const starting = startInteractionApi({ settings: terminal.environment })
  closeOnSignal(settings, async () => (await starting.catch(() => undefined))?.stop())
  const { baseUrl, credentials, dataDirectory } = await starting
  const filling = `Fill it:\n\nDATA_DIR=${dataDirectory} npx interaction-api seed\n`
  terminal.print(`${announcement({ baseUrl, demoClients: credentials })}\n${filling}`)
}

/** Stops in order, also when the signal comes during the start; a request has its whole time to arrive. */
function closeOnSignal(
  { config, log }: Awaited<ReturnType<typeof readSettings>>,
  close: () => Promise<unknown>,
): void {
  const delay = config.http.drainMs + config.http.requestTimeoutMs + 5000
  closeWithGrace({ delay, logger: { error: (err) => log.error(err) } }, async ({ err }) => {
    // what was caught nowhere ends the process, and must not do so unseen; what hangs on the error may be secret
    if (err !== undefined) log.fatal({ reason: err.message, stack: err.stack }, 'stops after an error')
    await close()
    await stopTracing()
  })
}

/** In one piece, so that whoever waits for the first line has them all. */
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
