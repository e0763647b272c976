// Compresses large responses as the client accepts it (RFC 9110 §12.5.3).
import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { declareHeldBytes, heldBytesOf } from './slices.ts'

/** Shorter texts are sent uncompressed, in characters: usually a page of 20 interactions. */
const minLength = 32_768

/** How many texts may be compressed at the same time. Others are sent uncompressed, so that none waits in memory. */
const concurrency = 8

// the fastest levels: higher ones take several times as long and make JSON little smaller
const fastGzip = { level: 1 }
// a stream holds its window in memory, so a small one
const fastBrotli = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 18 }

/** Bytes that the state of a compressed stream takes in memory. */
const windowBytes = 524_288

/** The streams flush each piece, so that the client gets it immediately. */
const codings = {
  br: {
    text: (text: string) => promisify(brotliCompress)(text, { params: fastBrotli }),
    stream: () => createBrotliCompress({ params: fastBrotli, flush: constants.BROTLI_OPERATION_FLUSH }),
  },
  gzip: {
    text: (text: string) => promisify(gzip)(text, fastGzip),
    stream: () => createGzip({ ...fastGzip, flush: constants.Z_SYNC_FLUSH }),
  },
}

const selectedBy = 'Accept, Accept-Encoding'

let running = 0

/** Sends a payload that the Accept header has selected, compressed if it is large and the client accepts a coding. */
export function sendCompressed(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  payload: string | Readable,
): FastifyReply | Promise<FastifyReply> {
  const vary = reply.getHeader('vary')
  reply.header('vary', vary === undefined ? selectedBy : `${vary}, ${selectedBy}`)
  const isStream = payload instanceof Readable
  const coding =
    isStream || payload.length >= minLength ? preferredCoding(headers['accept-encoding']) : undefined
  if (coding === undefined || running >= concurrency) return reply.send(payload)
  reply.header('content-encoding', coding)
  if (isStream) return reply.send(compressStream(payload, coding))
  running++
  return codings[coding]
    .text(payload)
    .finally(() => running--)
    .then((bytes) => reply.send(bytes))
}

function preferredCoding(accepted: string | undefined): keyof typeof codings | undefined {
  if (accepted === undefined) return undefined
  const negotiator = new Negotiator({ headers: { 'accept-encoding': accepted } })
  const preferred = negotiator.encoding(['br', 'gzip', 'identity'])
  return preferred === 'br' || preferred === 'gzip' ? preferred : undefined
}

/** An error on either side ends the other: a broken stream stays incomplete, and a closed connection stops the reading. */
function compressStream(pieces: Readable, coding: keyof typeof codings): Readable {
  const compressed = codings[coding].stream()
  pipeline(pieces, compressed, () => {})
  return declareHeldBytes(compressed, heldBytesOf(pieces) + windowBytes)
}
