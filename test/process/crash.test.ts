// After kill -9 during writes and a restart, no acknowledged write is lost (contract §8).
import { expect, test } from 'vitest'
import { finishCommand, type RunningService } from '../support/service.ts'
import {
  askForToken,
  createInteraction,
  dataDirectory,
  demoClients,
  postgresPid,
  readStatus,
  serve,
} from './support/caller.ts'

test.each([
  ['the server', true, false],
  ['PostgreSQL', false, true],
  ['both', true, true],
])(
  'after kill -9 of %s the service returns every acknowledged write',
  async (_, killServer, killPostgres) => {
    const folder = await dataDirectory()
    const service = await serve({ DATA_DIR: folder })
    const { token } = await askForToken(service, (await demoClients(folder)).agent)
    const acknowledged: string[] = []
    let isOver = false
    const writers = [1, 2, 3, 4].map(() => write(service, token, acknowledged, () => isOver))
    while (acknowledged.length < 50)
      await createInteraction(service, token).then((id) => acknowledged.push(id))
    if (killPostgres) process.kill(await postgresPid(folder), 'SIGKILL')
    if (killServer) await service.stop('SIGKILL')
    isOver = true
    await Promise.all(writers)

    const again = killServer ? await serve({ DATA_DIR: folder }) : service
    await untilReady(again)
    for (const id of acknowledged) expect(await readStatus(again, token, id)).toBe(200)
    expect(await again.stop()).toBe(0)
  },
)

test('a command uses the database of a running server, and its data after kill -9 of the server', async () => {
  const folder = await dataDirectory()
  const service = await serve({ DATA_DIR: folder })
  const during = await finishCommand(['clients', 'list'], { DATA_DIR: folder })
  expect(during).toMatchObject({ code: 0, output: expect.stringContaining('demo-agent') })
  await service.stop('SIGKILL')
  const after = await finishCommand(['clients', 'list'], { DATA_DIR: folder })
  expect(after).toMatchObject({ code: 0, output: expect.stringContaining('demo-agent') })
})

/** Creates interactions until a call fails or `isOver` returns true. */
async function write(
  service: RunningService,
  token: string,
  acknowledged: string[],
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const id = await createInteraction(service, token).catch(() => undefined)
    if (id === undefined) return
    acknowledged.push(id)
  }
}

async function untilReady({ baseUrl }: RunningService): Promise<void> {
  for (let status = 0; status !== 200; ) status = (await fetch(`${baseUrl}/health/ready`)).status
}
