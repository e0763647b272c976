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
const maxWaitingBytes = 1_048_576

/** The largest write to a file descriptor, in bytes: on a pipe, lines of others do not mix with it. */
const pipeBytes = 4096

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
  let triedAt = Number.NEGATIVE_INFINITY
  let loggedAt = Number.NEGATIVE_INFINITY

  const report = (error: NodeJS.ErrnoException) => {
    if (performance.now() - loggedAt < retryMs) return
    loggedAt = performance.now()
    log.error({ reason: error.code ?? error.message, lost }, 'the audit log cannot be written')
  }
  const open = () => {
    triedAt = performance.now()
    return openStream(target, report, () => lost++)
  }
  /** Replaces the stream; keeps the old one when the file cannot be opened. */
  const replace = async () => {
    const opened = await open()
    if (opened === undefined) return
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
      } else stream.write(line)
    },
    lost: () => lost,
    async reopen() {
      if (typeof target === 'string' && !isClosed) await replace()
    },
    async close() {
      isClosed = true
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
  onLoss: () => void,
): Promise<Stream | undefined> {
  const stream = pino.destination({
    dest: target,
    sync: false,
    mode: 0o640,
    maxLength: maxWaitingBytes,
    ...(typeof target === 'number' ? { maxWrite: pipeBytes } : {}),
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
