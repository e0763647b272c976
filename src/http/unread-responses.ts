// Bounds the memory of answers that their callers do not read.
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/** Answers smaller than this are left to the system's buffers, in bytes. */
const smallest = 65_536

/** About what is held of an answer that is loaded as it is read, in bytes: in pieces of any size, or byte by byte. */
const streamed = { pieces: 8_388_608, bytes: 1_048_576 } as const

/**
 * Takes note of each answer with its payload. When the large ones that are under way take more memory than the limit,
 * it cuts off the callers whose answers have been so for the longest, until the others are within it: those who read
 * have theirs in no time, and are not met.
 * @returns the payload to send, which is bytes when it is a large text: for text, Node keeps room for it several times
 */
export function limitUnreadResponses(
  limitBytes: number,
): (response: ServerResponse, payload: unknown) => unknown {
  /** with about how much memory they take, the oldest first */
  const unread = new Map<ServerResponse, number>()
  let total = 0

  const forget = (response: ServerResponse) => {
    total -= unread.get(response) ?? 0
    unread.delete(response)
  }

  return (response, payload) => {
    const size = sizeOf(payload)
    if (size < smallest || response.closed) return payload
    unread.set(response, size)
    total += size
    response.once('close', () => forget(response))
    for (const oldest of unread.keys()) {
      if (total <= limitBytes) break
      forget(oldest)
      oldest.destroy()
    }
    return typeof payload === 'string' ? Buffer.from(payload) : payload
  }
}

function sizeOf(payload: unknown): number {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload.length
  if (!(payload instanceof Readable)) return 0
  return payload.readableObjectMode ? streamed.pieces : streamed.bytes
}
