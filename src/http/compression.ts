// Compresses what is large enough to be worth it, as its caller accepts it (RFC 9110 §12.5.3).
import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'

/** Texts shorter than this are sent as they are, in characters: a page of 20 interactions, most often. */
const smallest = 32_768

/** How many texts may be compressed at once. Others are sent as they are, and so none waits in memory for its turn. */
const mostAtOnce = 8

const fastGzip = { level: 1 }
// a small window, which is the memory that a stream takes
const fastBrotli = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 18 }

/** At their fastest: their higher levels make JSON little smaller, and take several times as long. */
const codings = {
  br: {
    text: (text: string) => promisify(brotliCompress)(text, { params: fastBrotli }),
    // each piece leaves at once
    stream: () => createBrotliCompress({ params: fastBrotli, flush: constants.BROTLI_OPERATION_FLUSH }),
  },
  gzip: {
    text: (text: string) => promisify(gzip)(text, fastGzip),
    stream: () => createGzip({ ...fastGzip, flush: constants.Z_SYNC_FLUSH }),
  },
}

const varying = 'Accept, Accept-Encoding'

let underWay = 0

/** Sends what was chosen by the header Accept, compressed where that is worth it and wanted. */
export function sendCompressed(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  payload: string | Readable,
): FastifyReply | Promise<FastifyReply> {
  const others = reply.getHeader('vary')
  reply.header('vary', others === undefined ? varying : `${others}, ${varying}`)
  const isStream = payload instanceof Readable
  const coding =
    isStream || payload.length >= smallest ? preferredCoding(headers['accept-encoding']) : undefined
  if (coding === undefined || underWay >= mostAtOnce) return reply.send(payload)
  reply.header('content-encoding', coding)
  if (isStream) return reply.send(compressStream(payload, coding))
  underWay++
  return codings[coding]
    .text(payload)
    .finally(() => underWay--)
    .then((bytes) => reply.send(bytes))
}

function preferredCoding(accepted: string | undefined): keyof typeof codings | undefined {
  if (accepted === undefined) return undefined
  const wanted = new Negotiator({ headers: { 'accept-encoding': accepted } }).encoding([
    'br',
    'gzip',
    'identity',
  ])
  return wanted === 'br' || wanted === 'gzip' ? wanted : undefined
}

/** What fails on either side ends the other: a cut stream stays cut, and nobody reads for a caller who has gone. */
function compressStream(pieces: Readable, coding: keyof typeof codings): Readable {
  const compressed = codings[coding].stream()
  pipeline(pieces, compressed, () => {})
  // of pieces of any size, which limitUnreadResponses has to know of
  return pieces.readableObjectMode ? Readable.from(compressed) : compressed
}
