// Callers who create, read and update one interaction after the other, whatever happens to the servers.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, type Connection, openConnections, requestText } from './load.ts'

export interface Outcome {
  /** how many requests were answered as they should be */
  answered: number
  /** how many connection errors were met, and the request tried again */
  retried: number
  /** what was answered otherwise */
  readonly failures: string[]
}

/**
 * Keeps its connection for as long as the server does, and turns to the next server when the connection fails.
 * @param servers the base URLs of now
 * @param thinkMs how long it rests between two requests
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

  const sendUntilAnswered = async (request: string): Promise<Answer & { isRepeated: boolean }> => {
    for (let isRepeated = false; ; isRepeated = true) {
      const [url = ''] = servers().slice(turn % servers().length)
      connection ??= (await openConnections(url, 1).catch(() => []))[0]
      const answer = await connection?.send(request)
      const isLast = answer === undefined || /\r\nconnection: close\r\n/i.test(answer.text)
      if (isLast || answer.status === 0) {
        connection?.close()
        connection = undefined
        turn++
      }
      if (answer !== undefined && answer.status !== 0) return { ...answer, isRepeated }
      outcome.retried++
      await pause(5)
    }
  }
  const expectStatus = async (expected: number, method: string, path: string, body?: string) => {
    const { status, text, isRepeated } = await sendUntilAnswered(requestText(token, method, path, body))
    // the first attempt may have come through, and its answer not
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
