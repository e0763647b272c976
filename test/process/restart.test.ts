// PostgreSQL crashes during batched statements, and restarts.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { RunningService } from '../support/service.ts'
import { askForToken, dataDirectory, demoClients, postgresPid, serve } from './support/caller.ts'

/** The possible states of an interaction. */
interface Known {
  readonly id: string
  /** the data of the last acknowledged write */
  acknowledged: string | undefined
  /** the data of later writes that got 503: they may have been stored */
  ambiguous: string[]
}

test('every response to 40 callers is correct before, during and after kill -9 of PostgreSQL', async () => {
  const folder = await dataDirectory()
  const service = await serve({ DATA_DIR: folder, LOG_LEVEL: 'fatal' })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  const progress = { acknowledged: 0, unavailable: 0 }
  let isOver = false
  const writers = Array.from({ length: 40 }, (_, writer) =>
    write(call(service, token), writer, progress, () => isOver),
  )
  const reach = async (goal: number) => {
    while (progress.acknowledged < goal) await pause(5)
  }
  // At least three times, and until a request gets 503: the service retries most requests.
  for (let kills = 0; kills < 3 || progress.unavailable === 0; kills++) {
    await reach(progress.acknowledged + 500)
    process.kill(await postgresPid(folder), 'SIGKILL')
  }
  await reach(progress.acknowledged + 1000)
  isOver = true
  const known = (await Promise.all(writers)).flat()

  for (const { id, acknowledged, ambiguous } of known) {
    const { status, text } = await call(service, token)('GET', id)
    const found = status === 200 ? JSON.stringify(JSON.parse(text).data) : undefined
    expect([acknowledged, ...ambiguous]).toContain(found)
  }
  expect(await service.stop()).toBe(0)
})

type Call = (method: string, id: string, body?: object) => Promise<{ status: number; text: string }>

function call({ baseUrl }: RunningService, token: string): Call {
  return async (method, id, body) => {
    const response = await fetch(`${baseUrl}/rtc-api/interactions${id === '' ? '' : `/${id}`}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, text: await response.text() }
  }
}

/** Creates, reads and updates one interaction after the other, and expects each response to belong to its request. */
async function write(
  send: Call,
  writer: number,
  progress: { acknowledged: number; unavailable: number },
  isOver: () => boolean,
): Promise<Known[]> {
  const all: Known[] = []
  while (!isOver()) {
    const one: Known = { id: randomUUID(), acknowledged: undefined, ambiguous: [] }
    all.push(one)
    for (let turn = 0; turn < 3; turn++) {
      const data = { writer, turn, id: one.id }
      const isKnown = one.acknowledged !== undefined
      const { status, text } = isKnown
        ? await send('PUT', one.id, { data })
        : await send('POST', '', { interactionId: one.id, data })
      if (status === 503) {
        progress.unavailable++
        one.ambiguous.push(JSON.stringify(data))
        continue
      }
      // the creation that got 503 may have been stored
      if (status === 409 && one.ambiguous.length > 0) break
      expect([status, text]).toEqual(isKnown ? [204, ''] : [200, `{"interactionId":"${one.id}","version":0}`])
      Object.assign(one, { acknowledged: JSON.stringify(data), ambiguous: [] })
      progress.acknowledged++
      const read = await send('GET', one.id)
      if (read.status !== 503) expect(JSON.parse(read.text)).toMatchObject({ id: one.id, data })
    }
  }
  return all
}
