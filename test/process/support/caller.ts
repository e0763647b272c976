// Starts the service as a separate process and calls it over HTTP.
import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { makeTemporaryDirectory } from '../../../src/ephemeral/temporary-directory.ts'
import { askForToken as askForTokenAt, type Credentials } from '../../support/ask-for-token.ts'
import { type RunningService, startService } from '../../support/service.ts'

/** Creates a temporary directory. It is removed, and a PostgreSQL in it ended, when the test or this process ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await makeTemporaryDirectory()
  onTestFinished(() => folder.remove())
  return folder.path
}

/**
 * Creates a data directory as a first start leaves it, without keys and clients. It is removed, and a PostgreSQL in it
 * ended, when the test or this process ends.
 */
export async function dataDirectory(): Promise<string> {
  const folder = await temporaryFolder()
  // Node's own copy does not keep the owner, as whom PostgreSQL runs.
  execFileSync('cp', ['-a', `${inject('preparedDirectory')}/.`, folder])
  return folder
}

/** Starts a service with these settings, and stops it after the test unless the test has already stopped it. */
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

/** Reads the demo clients in a data directory. */
export async function demoClients(
  dataDirectory: string,
): Promise<{ agent: Credentials; service: Credentials }> {
  return JSON.parse(await readFile(path.join(dataDirectory, 'demo-clients.json'), 'utf8'))
}

export function askForToken({ baseUrl }: RunningService, credentials: Credentials) {
  return askForTokenAt(baseUrl, credentials)
}

/** What a call needs of a service. */
type Reachable = Pick<RunningService, 'baseUrl'>

/**
 * Creates an interaction and returns its id.
 * @throws Error with the status unless it is 200
 */
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

/** Reads an interaction and returns the status of the response. */
export async function readStatus({ baseUrl }: Reachable, token: string, id: string): Promise<number> {
  const response = await fetch(`${baseUrl}/rtc-api/interactions/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  return response.status
}

/** Returns the process id of the PostgreSQL of a data directory. */
export async function postgresPid(dataDirectory: string): Promise<number> {
  const file = await readFile(path.join(dataDirectory, 'postgres', 'postmaster.pid'), 'utf8')
  return Number(file.split('\n', 1)[0])
}
