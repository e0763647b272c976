// Bounds the memory of responses that clients do not read.
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify'
import { overloaded } from '../admission.ts'
import { heldBytesOf, slicesOf } from '../slices.ts'
import { type HeldBytes, type Holding, limitHeldBytes } from './held-bytes.ts'
import { holderOf } from './holder.ts'

/** Smaller responses are not counted, in bytes: the system's buffers hold them. */
const minCountedBytes = 16_384

/** What a response counts at least that waits for others on its connection, in bytes. */
const waitingBytes = 4_096

/** Headers that an error in place of the response does not have. */
const headersOfPayload = ['content-encoding', 'etag', 'link']

/**
 * Returns an onSend hook that counts large responses until they are sent, by connection and holder (see holderOf). When
 * they take more memory than the limit, the connection of the holder with the most is closed that has read nothing for
 * longest; if all have read something lately, the new response is replaced by an error. No holder may have more than
 * half of the limit.
 * @throws Problem 503 with Retry-After
 */
export function limitUnreadResponses(limitBytes: number): onSendHookHandler<unknown> {
  const held = limitHeldBytes({ limitBytes })
  const connections = new WeakMap<Socket, Connection>()
  return (request, reply, payload, done) => {
    const bytes = countedBytes(request, reply, payload)
    if (bytes === 0) return done(null, payload)
    const { socket } = request.raw
    const connection = connections.get(socket) ?? countConnection(socket, held)
    connections.set(socket, connection)
    if (connection.add(bytes, holderOf(request))) {
      reply.raw.once('close', () => connection.remove(bytes))
      return done(null, slicesOf(reply, payload))
    }
    if (payload instanceof Readable) payload.destroy()
    if (bytes < minCountedBytes) {
      // an error would have to wait as well
      socket.destroy()
      return done(null, '')
    }
    for (const name of headersOfPayload) reply.removeHeader(name)
    done(overloaded())
  }
}

/** Returns how many bytes a response counts; 0: it is small and will be sent immediately. */
function countedBytes({ method, raw }: FastifyRequest, reply: FastifyReply, payload: unknown): number {
  // the response to HEAD has no body
  if (method === 'HEAD' || raw.socket.destroyed) return 0
  const bytes = heldBytesOf(payload)
  // Node keeps a response whole, however small, while others on its connection are unread
  if (reply.raw.socket === null) return Math.max(bytes, waitingBytes)
  return bytes < minCountedBytes ? 0 : bytes
}

/** What is unread on a connection. */
interface Connection {
  /**
   * @param holder answers for what is unread, unless another one does already
   * @returns whether there is room
   */
  add(bytes: number, holder: string): boolean
  remove(bytes: number): void
}

function countConnection(socket: Socket, held: HeldBytes): Connection {
  let bytes = 0
  let holding: Holding | undefined
  // a piece of a response has been read
  const onDrain = () => holding?.recordProgress()
  const release = () => {
    holding?.release()
    holding = undefined
    bytes = 0
    socket.off('drain', onDrain).off('close', release)
  }
  return {
    add(added, holder) {
      if (holding === undefined) {
        holding = held.hold(holder, () => socket.destroy())
        socket.on('drain', onDrain).on('close', release)
      }
      const hasRoom = holding.resize(bytes + added)
      if (hasRoom) bytes += added
      else if (bytes === 0) release()
      return hasRoom
    },
    remove(removed) {
      if (holding === undefined) return
      bytes -= removed
      if (bytes === 0) release()
      else holding.resize(bytes)
    },
  }
}
