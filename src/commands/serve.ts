// `serve`: the service until a signal ends it.
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { type Server, startServer } from '../server.ts'
import { readSettings, type Terminal } from './settings.ts'

export function addServeCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('start the service; without DATABASE_URL, with a PostgreSQL of its own')
    .action(() => serve(terminal))
}

async function serve(terminal: Terminal): Promise<void> {
  const { config, log } = readSettings(terminal)
  const starting = startServer(config, log)
  // stops in order also when the signal comes during the start; a request has its whole time to arrive
  const delay = config.http.requestTimeoutMs + 5000
  closeWithGrace({ delay, logger: { error: (err) => log.error(err) } }, async () => {
    await (await starting.catch(() => undefined))?.close()
  })
  terminal.print(announcement(await starting))
}

/** In one piece, so that whoever waits for the first line has them all. */
function announcement({ baseUrl, demoClients }: Server): string {
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
