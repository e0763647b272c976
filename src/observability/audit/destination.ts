// Where audit lines go: a file that is opened again when it was moved away, or a file descriptor. Never blocks, and never
// fails for its caller: a disk that is full must not stop the service.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'

type Stream = ReturnType<typeof pino.destination>

export interface AuditDestination {
  /** Appends a line, which must end with a line feed. */
  write(line: string): void
  /** the number of lines that could not be kept */
  lost(): number
  /** Opens the file again under its name, after the lines so far were written to the old one. No effect without a file. */
  reopen(): Promise<void>
  /** Writes what is left, and closes the file. */
  close(): Promise<void>
}

/** Lines that wait while the disk is slow or full, in bytes; further ones are lost. */
const maxWaitingBytes = 16_777_216

/** The largest write to a pipe, in bytes: lines of others do not mix with it. Lines are gathered up to this size. */
const chunkBytes = 4096

/** The largest write to a file, in bytes. */
const fileWriteBytes = 65_536

/** How long a line waits for others to be written with it, in milliseconds: a write for each costs a third of a POST. */
const gatherMs = 50

/** How often a file that cannot be opened is tried again, and failures are logged, in milliseconds. */
const retryMs = 10_000

/** How long closing waits for the last lines, in milliseconds. */
const closeMs = 1000

/**
 * Opens the destination. A file that cannot be opened is no error: lines are lost, which is logged, until it can be.
 * @param target the path of a file, or a file descriptor
 */
export async function openAuditDestination(
  target: string | number,
  log: FastifyBaseLogger,
): Promise<AuditDestination> {
  let stream: Stream | undefined
  let lost = 0
  let isClosed = false
  let gathered = ''
  let timer: NodeJS.Timeout | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let loggedAt = Number.NEGATIVE_INFINITY

  const report = (error: NodeJS.ErrnoException) => {
    if (performance.now() - loggedAt < retryMs) return
    loggedAt = performance.now()
    log.error({ reason: error.code ?? error.message, lost }, 'the audit log cannot be written')
  }
  const open = () => {
    triedAt = performance.now()
    return openStream(target, report, (lines) => {
      lost += lines.split('\n').length - 1
    })
  }
  const send = () => {
    clearTimeout(timer)
    timer = undefined
    if (gathered !== '') stream?.write(gathered)
    gathered = ''
  }
  /** Replaces the stream; keeps the old one when the file cannot be opened. */
  const replace = async () => {
    const opened = await open()
    if (opened === undefined) return
    if (isClosed) return endStream(opened)
    send()
    const previous = stream
    stream = opened
    if (previous !== undefined) await endStream(previous)
  }

  stream = await open()
  return {
    write(line) {
      if (stream === undefined) {
        lost++
        if (!isClosed && performance.now() - triedAt > retryMs) void replace()
        return
      }
      if (gathered.length + line.length > chunkBytes) send()
      gathered += line
      timer ??= setTimeout(send, gatherMs).unref()
    },
    lost: () => lost,
    async reopen() {
      if (typeof target === 'string' && !isClosed) await replace()
    },
    async close() {
      isClosed = true
      send()
      const last = stream
      stream = undefined
      if (last !== undefined) await endStream(last)
    },
  }
}

/** @returns undefined when the file cannot be opened, which is reported */
async function openStream(
  target: string | number,
  onError: (error: NodeJS.ErrnoException) => void,
  onLoss: (lines: string) => void,
): Promise<Stream | undefined> {
  const stream = pino.destination({
    dest: target,
    sync: false,
    mode: 0o640,
    maxLength: maxWaitingBytes,
    maxWrite: typeof target === 'number' ? chunkBytes : fileWriteBytes,
  })
  // At exit, pino would write what is left of a stream that is not closed, and retry forever on a full disk.
  stream.emit('close')
  stream.on('error', onError).on('drop', onLoss)
  return once(stream, 'ready').then(
    () => stream,
    () => undefined,
  )
}

async function endStream(stream: Stream): Promise<void> {
  const ended = new AbortController()
  const closed = once(stream, 'close').catch(() => undefined)
  stream.end()
  await Promise.race([closed, sleep(closeMs, undefined, ended).catch(() => undefined)])
  ended.abort()
  stream.destroy()
}
