// A caller of a service that runs as a process of its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { type RunningService, startService } from '../../support/service.ts'

export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

/** A folder that is gone when the test is over. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'interaction-api-process-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A service with these settings that is stopped, if the test has not done so, when the test is over. */
export async function serve(environment: Record<string, string>): Promise<RunningService> {
  const service = await startService(environment)
  onTestFinished(async () => {
    await service.stop('SIGKILL')
  })
  return service
}

/** The demo clients that the data directory keeps. */
export async function demoClients(
  dataDirectory: string,
): Promise<{ agent: Credentials; service: Credentials }> {
  return JSON.parse(await readFile(path.join(dataDirectory, 'demo-clients.json'), 'utf8'))
}

/** @returns the status of the reply, and the token when it is 200 */
export async function askForToken({ baseUrl }: RunningService, { clientId, clientSecret }: Credentials) {
  const response = await fetch(`${baseUrl}/security/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
    }),
  })
  const { access_token: token = '' } = (await response.json()) as { access_token?: string }
  return { status: response.status, token }
}

/** Creates an interaction. @returns its id once it is acknowledged */
export async function createInteraction({ baseUrl }: RunningService, token: string): Promise<string> {
  const response = await fetch(`${baseUrl}/rtc-api/interactions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"type":"chat"}',
  })
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  return ((await response.json()) as { interactionId: string }).interactionId
}

/** The status with which the service answers a read of that interaction. */
export async function readStatus({ baseUrl }: RunningService, token: string, id: string): Promise<number> {
  const response = await fetch(`${baseUrl}/rtc-api/interactions/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return response.status
}

/** The process id of the PostgreSQL that a service keeps on that directory. */
export async function postgresPid(dataDirectory: string): Promise<number> {
  const file = await readFile(path.join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8')
  return Number(file.split('\n', 1)[0])
}
