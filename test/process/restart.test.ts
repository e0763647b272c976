// PostgreSQL goes down in the middle of statements that many requests share, and comes back.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { RunningService } from '../support/service.ts'
import { askForToken, demoClients, postgresPid, serve, temporaryFolder } from './support/caller.ts'

/** What a writer knows of its interaction: what the last acknowledged write left, and what one without an answer may have. */
interface Known {
  readonly id: string
  acknowledged: string | undefined
  inDoubt: string[]
}

test('what each of 40 callers was told is so, before, during and after kill -9 of PostgreSQL', async () => {
  const folder = await temporaryFolder()
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
  // three times, and until an answer was lost, as most are asked for again
  for (let kills = 0; kills < 3 || progress.unavailable === 0; kills++) {
    await reach(progress.acknowledged + 500)
    process.kill(await postgresPid(folder), 'SIGKILL')
  }
  await reach(progress.acknowledged + 1000)
  isOver = true
  const known = (await Promise.all(writers)).flat()

  for (const { id, acknowledged, inDoubt } of known) {
    const { status, text } = await call(service, token)('GET', id)
    const found = status === 200 ? JSON.stringify(JSON.parse(text).data) : undefined
    expect([acknowledged, ...inDoubt]).toContain(found)
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

/** Creates, reads and updates an interaction after the other, and expects each answer to be its own. */
async function write(
  send: Call,
  writer: number,
  progress: { acknowledged: number; unavailable: number },
  isOver: () => boolean,
): Promise<Known[]> {
  const all: Known[] = []
  while (!isOver()) {
    const one: Known = { id: randomUUID(), acknowledged: undefined, inDoubt: [] }
    all.push(one)
    for (let turn = 0; turn < 3; turn++) {
      const data = { writer, turn, id: one.id }
      const isKnown = one.acknowledged !== undefined
      const { status, text } = isKnown
        ? await send('PUT', one.id, { data })
        : await send('POST', '', { interactionId: one.id, data })
      if (status === 503) {
        progress.unavailable++
        one.inDoubt.push(JSON.stringify(data))
        continue
      }
      // a creation without an answer may have come through
      if (status === 409 && one.inDoubt.length > 0) break
      expect([status, text]).toEqual(isKnown ? [204, ''] : [200, `{"interactionId":"${one.id}","version":0}`])
      Object.assign(one, { acknowledged: JSON.stringify(data), inDoubt: [] })
      progress.acknowledged++
      const read = await send('GET', one.id)
      if (read.status !== 503) expect(JSON.parse(read.text)).toMatchObject({ id: one.id, data })
    }
  }
  return all
}
