// A caller that creates, reads and updates one interaction after the other while servers restart.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Connection, openConnections, requestText, type TimedResponse } from './load.ts'

export interface Outcome {
  /** requests with the expected response */
  answered: number
  /** connection errors, after which the request was retried */
  retried: number
  /** unexpected responses */
  readonly failures: string[]
}

/**
 * Calls the servers until `isOver`. Keeps its connection until it fails or the server closes it, then uses the next server.
 * @param servers returns the current base URLs
 * @param thinkMs pause between two requests, in milliseconds
 */
export async function callSteadily(
  servers: () => readonly string[],
  token: string,
  isOver: () => boolean,
  thinkMs = 0,
): Promise<Outcome> {
  const outcome: Outcome = { answered: 0, retried: 0, failures: [] }
  let connection: Connection | undefined
  let turn = Math.floor(Math.random() * 2)

  const sendUntilAnswered = async (request: string): Promise<TimedResponse & { isRepeated: boolean }> => {
    for (let isRepeated = false; ; isRepeated = true) {
      const [url = ''] = servers().slice(turn % servers().length)
      connection ??= (await openConnections(url, 1).catch(() => []))[0]
      const response = await connection?.send(request)
      const isLast = response === undefined || /\r\nconnection: close\r\n/i.test(response.text)
      if (isLast || response.status === 0) {
        connection?.close()
        connection = undefined
        turn++
      }
      if (response !== undefined && response.status !== 0) return { ...response, isRepeated }
      outcome.retried++
      await pause(5)
    }
  }
  const expectStatus = async (expected: number, method: string, path: string, body?: string) => {
    const { status, text, isRepeated } = await sendUntilAnswered(requestText(token, method, path, body))
    // The first attempt may have been applied although its response was lost.
    if (status === expected || (status === 409 && isRepeated)) outcome.answered++
    else outcome.failures.push(`${method} ${status}: ${text}`)
    await pause(thinkMs)
  }

  while (!isOver()) {
    const id = randomUUID()
    await expectStatus(200, 'POST', '', `{"interactionId":"${id}","data":{"text":"as it was"}}`)
    await expectStatus(200, 'GET', `/${id}`)
    await expectStatus(204, 'PUT', `/${id}`, '{"version":0,"data":{"text":"as it is"}}')
  }
  connection?.close()
  return outcome
}
