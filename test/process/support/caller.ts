// A caller of a service that runs as a process of its own.
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { makeTemporaryDirectory } from '../../../src/ephemeral/temporary-directory.ts'
import { askForToken as askForTokenAt, type Credentials } from '../../support/ask-for-token.ts'
import { type RunningService, startService } from '../../support/service.ts'

/** Makes a folder that is removed, with any PostgreSQL in it, when the test or this process ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await makeTemporaryDirectory()
  onTestFinished(() => folder.remove())
  return folder.path
}

/** A service with these settings that is stopped, if the test has not done so, when the test is over. */
export async function serve(
  environment: Record<string, string>,
  ...options: readonly string[]
): Promise<RunningService> {
  const service = await startService(environment, ...options)
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

export function askForToken({ baseUrl }: RunningService, credentials: Credentials) {
  return askForTokenAt(baseUrl, credentials)
}

/** A service, wherever it runs. */
type Reachable = Pick<RunningService, 'baseUrl'>

/** Creates an interaction. @returns its id once it is acknowledged */
export async function createInteraction(
  { baseUrl }: Reachable,
  token: string,
  body = '{"type":"chat"}',
): Promise<string> {
  const response = await fetch(`${baseUrl}/rtc-api/interactions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
  })
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  return ((await response.json()) as { interactionId: string }).interactionId
}

/** The status with which the service answers a read of that interaction. */
export async function readStatus({ baseUrl }: Reachable, token: string, id: string): Promise<number> {
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
