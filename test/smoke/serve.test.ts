// Starts the service like the README. The process suite tests it in detail.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { makeTemporaryDirectory } from '../../src/ephemeral/temporary-directory.ts'
import { finishCommand, startService } from '../support/service.ts'

test('serve prints a curl command that works, and exits with 0 on SIGTERM', async () => {
  const folder = await makeTemporaryDirectory()
  onTestFinished(() => folder.remove())
  const service = await startService({ DATA_DIR: folder.path })
  onTestFinished(async () => {
    await service.stop('SIGKILL')
  })

  const line = service.output.split('\n').find((candidate) => candidate.startsWith('curl ')) ?? 'false'
  const { stdout } = await promisify(execFile)('sh', ['-c', line])
  expect(JSON.parse(stdout)).toEqual({ interactionId: expect.stringMatching(/^[0-9a-f-]{36}$/), version: 0 })
  expect((await fetch(`${service.baseUrl}/health/ready`)).status).toBe(200)

  expect(await service.stop('SIGTERM')).toBe(0)
})

test('wrong settings make the command exit with 1', async () => {
  const { code, errors } = await finishCommand(['serve'], { PORT: 'eighty' })
  expect(code).toBe(1)
  expect(errors).toContain('PORT')
})
