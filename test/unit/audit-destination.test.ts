// Where the audit log goes: real files, moved away, missing, and on a full disk.
import { mkdir, readFile, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { makeTemporaryDirectory } from '../../src/ephemeral/temporary-directory.ts'
import { openAuditDestination } from '../../src/observability/audit/destination.ts'
import { auditLog, openAuditLog } from '../../src/observability/audit/log.ts'

async function temporaryFile(name = 'audit.log'): Promise<string> {
  const folder = await makeTemporaryDirectory()
  onTestFinished(() => folder.remove())
  return path.join(folder.path, name)
}

function openLog() {
  const logged: string[] = []
  return { logged, log: pino({}, { write: (line: string) => void logged.push(line) }) }
}

const read = (file: string) => readFile(file, 'utf8')

test('lines are appended to a file that others cannot read', async () => {
  const file = await temporaryFile()
  const { log, logged } = openLog()
  for (const line of ['one\n', 'two\n']) {
    const destination = await openAuditDestination(file, log)
    destination.write(line)
    await destination.close()
    expect(destination.lost()).toBe(0)
  }
  expect(await read(file)).toBe('one\ntwo\n')
  expect((await stat(file)).mode & 0o007).toBe(0)
  expect(logged).toEqual([])
})

test('after the file was moved away, lines go to a new one from the moment it is opened again, and none is lost', async () => {
  const file = await temporaryFile()
  const destination = await openAuditDestination(file, openLog().log)
  const lines = Array.from({ length: 3000 }, (_, n) => `line ${n}\n`)
  for (const line of lines.slice(0, 1000)) destination.write(line)
  await rename(file, `${file}.1`)
  for (const line of lines.slice(1000, 2000)) destination.write(line)
  const reopened = destination.reopen()
  // while the file is being opened
  for (const line of lines.slice(2000, 2500)) destination.write(line)
  await reopened
  for (const line of lines.slice(2500)) destination.write(line)
  await destination.close()
  const [before, after] = [await read(`${file}.1`), await read(file)]
  expect(before + after).toBe(lines.join(''))
  expect(before).toContain('line 1999\n')
  expect(after).toContain('line 2500\n')
})

test('lines go on to the old file when the new one cannot be opened', async () => {
  const file = await temporaryFile()
  const { log, logged } = openLog()
  const destination = await openAuditDestination(file, log)
  await rename(file, `${file}.1`)
  await mkdir(file)
  for (const line of ['one\n', 'two\n']) {
    await destination.reopen()
    destination.write(line)
  }
  await destination.close()
  expect(await read(`${file}.1`)).toBe('one\ntwo\n')
  expect(logged.join('')).toContain('EISDIR')
})

test('a file that cannot be opened is logged, its lines are counted, and it works when it can be opened', async () => {
  const file = await temporaryFile(path.join('missing', 'audit.log'))
  const { log, logged } = openLog()
  const destination = await openAuditDestination(file, log)
  for (let n = 0; n < 3; n++) destination.write('lost\n')
  expect(destination.lost()).toBe(3)
  expect(logged).toHaveLength(1)
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({ level: 50, reason: 'ENOENT' })
  await mkdir(path.dirname(file))
  await destination.reopen()
  destination.write('kept\n')
  await destination.close()
  expect(await read(file)).toBe('kept\n')
})

test('a full disk loses lines, which are counted and logged once, and does not keep it from closing', async () => {
  const { log, logged } = openLog()
  const destination = await openAuditDestination('/dev/full', log)
  const line = `${'x'.repeat(1023)}\n`
  await expect
    .poll(() => {
      for (let n = 0; n < 4000; n++) destination.write(line)
      return destination.lost()
    })
    .toBeGreaterThan(100)
  expect(logged).toHaveLength(1)
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({ reason: 'ENOSPC' })
  await destination.close()
  destination.write(line)
  expect(logged).toHaveLength(1)
})

test('closing writes what repeated, and a line after it is counted as lost', async () => {
  const file = await temporaryFile()
  const audit = auditLog('security', await openAuditDestination(file, openLog().log))
  for (let n = 0; n < 12; n++)
    audit.record('request.unauthenticated', { address: '192.0.2.1', requestId: `r-${n}` }, 'key')
  await audit.close()
  const lines = (await read(file))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ requestId }) => requestId)).toEqual(['r-0', 'r-1', 'r-2', 'r-3', 'r-4', undefined])
  expect(lines.at(-1)).toEqual({
    time: expect.any(String),
    event: 'request.unauthenticated',
    address: '192.0.2.1',
    repeated: 7,
  })
  audit.record('client.deleted', { client: 'crm' })
  expect(audit.lost()).toBe(1)
})

test('with the level off no file is opened', async () => {
  const file = await temporaryFile()
  const audit = await openAuditLog({ level: 'off', file }, openLog().log)
  audit.record('client.deleted', { client: 'crm' })
  await audit.reopen()
  await audit.close()
  await expect(stat(file)).rejects.toThrow('ENOENT')
})
