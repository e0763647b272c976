// Stands before PostgreSQL, and loses its connections at a given message of the protocol.
import { once } from 'node:events'
import { createServer, type Server, Socket } from 'node:net'

/** `cut`: the connection ends; `reset`: it is aborted; `stall`: it stays, and nothing comes through any more */
export type Fault = 'cut' | 'reset' | 'stall'

export class PostgresProxy {
  /** where PostgreSQL is */
  target: URL
  readonly #pairs = new Set<Pair>()
  #server: Server | undefined
  #port = 0
  #armed: { readonly fault: Fault; messagesLeft: number } | undefined

  constructor(targetUrl: string) {
    this.target = new URL(targetUrl)
  }

  /** the target's URL, through the proxy */
  get url(): string {
    return Object.assign(new URL(this.target), { host: `127.0.0.1:${this.#port}` }).href
  }

  /** Takes connections, after `close` on the same port as before. */
  async listen(): Promise<void> {
    const server = createServer((client) => this.#join(client)).listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no TCP port')
    this.#port = address.port
    this.#server = server
  }

  /** The fault comes in place of the n-th message from now on, in either direction, on any connection. */
  arm(fault: Fault, n: number): void {
    this.#armed = { fault, messagesLeft: n }
  }

  /** No fault from now on. @returns whether it had come */
  disarm(): boolean {
    const hasStruck = this.#armed?.messagesLeft === 0
    this.#armed = undefined
    return hasStruck
  }

  /** Ends all connections, and waits until the other side has noticed. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#pairs].map((pair) => pair.end()))
  }

  /** Refuses connections, and cuts those that there are. */
  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server === undefined ? undefined : once(server, 'close')
    server?.close()
    await this.endAll()
    await closed
  }

  #join(client: Socket): void {
    const server = new Socket().connect(Number(this.target.port), this.target.hostname)
    const pair = new Pair(client, server, () => this.#faultNow())
    this.#pairs.add(pair)
    client.once('close', () => this.#pairs.delete(pair))
  }

  #faultNow(): Fault | undefined {
    if (this.#armed === undefined || this.#armed.messagesLeft === 0) return undefined
    this.#armed.messagesLeft--
    return this.#armed.messagesLeft === 0 ? this.#armed.fault : undefined
  }
}

class Pair {
  readonly #sockets: readonly [client: Socket, server: Socket]
  #isStalled = false

  constructor(client: Socket, server: Socket, faultNow: () => Fault | undefined) {
    this.#sockets = [client, server]
    // else each message would wait for the one before it to be acknowledged
    for (const socket of this.#sockets) socket.setNoDelay()
    this.#forward(client, server, messages({ startsUntyped: true }), faultNow)
    this.#forward(server, client, messages({ startsUntyped: false }), faultNow)
  }

  lose(fault: Fault): void {
    if (fault === 'stall') this.#isStalled = true
    else for (const socket of this.#sockets) fault === 'reset' ? socket.resetAndDestroy() : socket.destroy()
  }

  async end(): Promise<void> {
    const [client] = this.#sockets
    if (client.destroyed) return
    this.#isStalled = true
    client.end()
    await new Promise((closed) => client.once('close', closed))
  }

  #forward(
    from: Socket,
    to: Socket,
    split: (chunk: Buffer) => Iterable<Buffer>,
    faultNow: () => Fault | undefined,
  ): void {
    from.on('data', (chunk) => {
      for (const message of split(chunk)) {
        if (this.#isStalled || from.destroyed) return
        const fault = faultNow()
        if (fault === undefined) to.write(message)
        else this.lose(fault)
      }
    })
    from.on('error', () => {}).on('close', () => to.destroy())
  }
}

/** Cuts a stream of PostgreSQL's protocol into its messages (PostgreSQL documentation, chapter 54). */
function messages({ startsUntyped }: { startsUntyped: boolean }): (chunk: Buffer) => Generator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let typeBytes = startsUntyped ? 0 : 1
  return function* (chunk) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= typeBytes + 4) {
      const end = typeBytes + rest.readInt32BE(typeBytes)
      if (rest.length < end) return
      const message = rest.subarray(0, end)
      rest = rest.subarray(end)
      typeBytes = 1
      yield message
    }
  }
}
