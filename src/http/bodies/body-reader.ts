// Reads request bodies. What counts is what has arrived, not what was announced.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest, preParsingHookHandler } from 'fastify'
import { overloaded } from '../admission.ts'
import type { HeldBytes, Holding } from '../limits/held-bytes.ts'
import { holderOf } from '../limits/holder.ts'
import { InvalidRequest, Problem } from '../problem.ts'

export interface BodyLimits {
  /** the largest body, in bytes */
  readonly limitBytes: number
  /** the bytes of all bodies of its kind */
  readonly held: HeldBytes
}

/** A larger body counts until it is answered, in bytes; others only until they are complete. */
export const largeBytes = 65_536

/** The least that an incomplete request takes, in bytes. */
const requestBytes = 4096

/**
 * How many chunks a body may have, and for how many bytes it may have one more. Each chunk of `Transfer-Encoding: chunked`
 * costs a microsecond and 200 bytes, however small it is.
 */
const chunkLimit = { count: 1024, bytesPerFurther: 32 } as const

/** The responses to requests whose bodies may be large, or wait for `100 Continue`. */
const responses = new WeakMap<IncomingMessage, ServerResponse>()

/** Prepares the routes that are added to a scope afterwards: readBody is called for those that declare a body. */
export function prepareReading(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.schema?.body !== undefined) route.preParsing = rememberResponse
  })
}

const rememberResponse: preParsingHookHandler = ({ raw, headers }, { raw: response }, _payload, done) => {
  const length = headers['content-length']
  const mayBeLarge = length === undefined ? headers['transfer-encoding'] !== undefined : +length > largeBytes
  if (mayBeLarge || headers.expect !== undefined) responses.set(raw, response)
  done()
}

/**
 * Asks clients that expect `100 Continue` for their bodies only when these are going to be read: the caller is verified by
 * then, and path, method and headers are accepted. Without this listener, Node asks at once.
 */
export function deferContinue({ server }: FastifyInstance): void {
  server.on('checkContinue', (request, response) => server.emit('request', request, response))
}

/** @throws Problem 413 when more bytes are announced */
export function checkAnnouncedLength({ headers }: FastifyRequest, limitBytes: number): void {
  if (Number(headers['content-length'] ?? 0) > limitBytes) throw tooLarge()
}

/**
 * Reads a body.
 * @param done called once; with a Problem when the body is too large (413), broken (400), or finds no
 *   room (503)
 * @throws Problem 413 when it is announced as too large
 */
export function readBody(
  request: FastifyRequest,
  payload: IncomingMessage,
  { limitBytes, held }: BodyLimits,
  done: (body: Buffer | Problem) => void,
): void {
  checkAnnouncedLength(request, limitBytes)
  const announced = Number(request.headers['content-length'] ?? Number.NaN)
  const response = responses.get(request.raw)
  if (request.headers.expect !== undefined) response?.writeContinue()
  let buffer: Buffer = Buffer.alloc(0)
  let length = 0
  let chunks = 0
  let holding: Holding | undefined
  let isDone = false

  const finish = (body: Buffer | Problem) => {
    isDone = true
    payload.off('data', onData).off('end', onEnd).off('error', onError)
    done(body)
  }
  const fail = (problem: Problem) => {
    if (isDone) return
    holding?.release()
    // Not paused: Node would keep the next 16 KiB, in as many chunks. What arrives until the connection is closed is dropped.
    finish(problem)
  }
  const onData = (chunk: Buffer) => {
    chunks++
    if (length + chunk.length > limitBytes) return fail(tooLarge())
    if (chunks > chunkLimit.count + length / chunkLimit.bytesPerFurther) return fail(tooManyChunks())
    buffer = append(buffer, length, chunk, announced || limitBytes)
    length += chunk.length
    // most bodies: they are small, and arrive whole with the head
    const isWhole = payload.complete || length === announced
    if (isWhole && length <= largeBytes) return
    holding ??= held.hold(holderOf(request), () => fail(overloaded()))
    if (!holding.resize(Math.max(requestBytes, buffer.length))) return fail(overloaded())
    holding.recordProgress()
  }
  const onEnd = () => {
    if (length > largeBytes && holding !== undefined) response?.once('close', holding.release)
    else holding?.release()
    const isComplete = Number.isNaN(announced) || announced === length
    finish(
      isComplete
        ? buffer.subarray(0, length)
        : new InvalidRequest({ body: 'does not match its Content-Length' }),
    )
  }
  const onError = () => fail(new InvalidRequest({ body: 'could not be read' }))
  payload.on('data', onData).on('end', onEnd).on('error', onError)
}

/**
 * Appends a chunk to the first bytes of a buffer, which grows by doubling: a list of chunks would take 200 bytes for a chunk
 * of one.
 */
function append(buffer: Buffer, length: number, chunk: Buffer, limitBytes: number): Buffer {
  if (length === 0) return chunk
  const needed = length + chunk.length
  let target = buffer
  if (needed > buffer.length) {
    target = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(2 * buffer.length, limitBytes)))
    buffer.copy(target, 0, 0, length)
  }
  chunk.copy(target, length)
  return target
}

function tooLarge(): Problem {
  return new Problem('payload_too_large', 'The body is larger than this service accepts.')
}

function tooManyChunks(): Problem {
  return new InvalidRequest({ body: 'must not be sent in so many small chunks' })
}
