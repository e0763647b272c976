// Large responses in small pieces: Node copies what it is given whole, and the next piece waits until one is read.
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'

/** Texts are cut after so many characters, and buffers after so many bytes. */
const sliceLength = 65_536

/** Bytes in memory of a stream that nobody reads: two pieces. Streams of our own declare theirs. */
const streamBytes = 131_072

const declared = new WeakMap<Readable, number>()

/** Returns about how much memory a payload takes until it is read, in bytes. */
export function heldBytesOf(payload: unknown): number {
  if (typeof payload === 'string') return payload.length
  if (Buffer.isBuffer(payload)) return payload.length
  return payload instanceof Readable ? (declared.get(payload) ?? streamBytes) : 0
}

/**
 * Returns a stream that reads texts as it is read.
 * @param options.heldBytes about how much memory it takes, in bytes: the largest text, and what it is made of
 */
export function streamTexts(
  texts: Iterable<string> | AsyncIterable<string>,
  { heldBytes }: { readonly heldBytes: number },
): Readable {
  return declareHeldBytes(Readable.from(cutEach(texts), { objectMode: false }), heldBytes)
}

/** Declares how much memory a stream takes, for heldBytesOf. */
export function declareHeldBytes(stream: Readable, bytes: number): Readable {
  declared.set(stream, bytes)
  return stream
}

/** Returns a payload that Node buffers little of: a stream with a Content-Length if it is large. */
export function slicesOf(reply: FastifyReply, payload: unknown): unknown {
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload
  if (payload.length <= sliceLength) return payload
  reply.header('content-length', Buffer.byteLength(payload))
  const slices = cut(payload)
  return new Readable({
    read() {
      this.push(slices.next().value ?? null)
    },
  })
}

async function* cutEach(texts: Iterable<string> | AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const text of texts) yield* cut(text)
}

function* cut(payload: string | Buffer): Generator<Buffer, undefined> {
  for (let start = 0; start < payload.length; ) {
    const end = endOfSlice(payload, start)
    const slice =
      typeof payload === 'string' ? Buffer.from(payload.slice(start, end)) : payload.subarray(start, end)
    start = end
    yield slice
  }
}

/** Returns the end of the slice that starts at an index. It does not cut a surrogate pair in half. */
function endOfSlice(payload: string | Buffer, start: number): number {
  const end = start + sliceLength
  if (typeof payload !== 'string') return end
  const last = payload.charCodeAt(end - 1)
  return last >= 0xd800 && last <= 0xdbff ? end + 1 : end
}
