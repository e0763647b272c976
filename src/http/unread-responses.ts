// Bounds the memory of responses that clients do not read.
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/** Smaller responses are not counted, in bytes. The system's buffers hold them. */
const minCountedBytes = 65_536

/** About how much of a stream is in memory, in bytes: of one of texts of any size, and of one of bytes. */
const streamBytes = { objects: 8_388_608, bytes: 1_048_576 } as const

/**
 * Returns a function to call with each response and its payload. When large responses take more memory than the limit
 * in all, it closes the connections of the oldest ones until the rest is within the limit. Clients that read have long
 * finished by then.
 * @returns the payload to send: bytes for a large text, since Node buffers a text at several times its size
 */
export function limitUnreadResponses(
  limitBytes: number,
): (response: ServerResponse, payload: unknown) => unknown {
  const unread = countBytes()
  return (response, payload) => {
    const size = sizeOf(payload)
    if (size < minCountedBytes || response.closed) return payload
    unread.add(response, size)
    for (const oldest of unread.responses()) {
      if (unread.total() <= limitBytes) break
      unread.remove(oldest)
      oldest.destroy()
    }
    return typeof payload === 'string' ? Buffer.from(payload) : payload
  }
}

/** Counts bytes for each response until it is closed or removed. */
function countBytes() {
  const sizes = new Map<ServerResponse, number>()
  let total = 0
  const remove = (response: ServerResponse) => {
    total -= sizes.get(response) ?? 0
    sizes.delete(response)
  }
  return {
    total: () => total,
    /** the oldest first */
    responses: () => sizes.keys(),
    add(response: ServerResponse, size: number) {
      sizes.set(response, size)
      total += size
      response.once('close', () => remove(response))
    },
    remove,
  }
}

function sizeOf(payload: unknown): number {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload.length
  if (!(payload instanceof Readable)) return 0
  return payload.readableObjectMode ? streamBytes.objects : streamBytes.bytes
}
