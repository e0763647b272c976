// A proxy in front of PostgreSQL that breaks connections at a given protocol message.
import { once } from 'node:events'
import { createServer, type Server, Socket } from 'node:net'
import { messages } from '../../support/postgres-messages.ts'

/** `cut` closes the connection, `reset` aborts it, `stall` keeps it open but forwards nothing more. */
export type Fault = 'cut' | 'reset' | 'stall'

export class PostgresProxy {
  /** URL of PostgreSQL */
  target: URL
  readonly #pairs = new Set<Pair>()
  #server: Server | undefined
  #port = 0
  #armed: { readonly fault: Fault; messagesLeft: number } | undefined

  constructor(targetUrl: string) {
    this.target = new URL(targetUrl)
  }

  /** URL of PostgreSQL through the proxy */
  get url(): string {
    return Object.assign(new URL(this.target), { host: `127.0.0.1:${this.#port}` }).href
  }

  /** Accepts connections; after `close`, on the same port as before. */
  async listen(): Promise<void> {
    const server = createServer((client) => this.#join(client)).listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no TCP port')
    this.#port = address.port
    this.#server = server
  }

  /** Injects the fault in place of the n-th message from now on, counted over all connections and both directions. */
  arm(fault: Fault, n: number): void {
    this.#armed = { fault, messagesLeft: n }
  }

  /** Cancels the fault. @returns whether it was triggered */
  disarm(): boolean {
    const wasTriggered = this.#armed?.messagesLeft === 0
    this.#armed = undefined
    return wasTriggered
  }

  /** Closes all connections and waits until the other side has closed them, too. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#pairs].map((pair) => pair.end()))
  }

  /** Stops accepting connections and closes the existing ones. */
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
    const pair = new Pair(client, server, () => this.#nextFault())
    this.#pairs.add(pair)
    client.once('close', () => this.#pairs.delete(pair))
  }

  #nextFault(): Fault | undefined {
    if (this.#armed === undefined || this.#armed.messagesLeft === 0) return undefined
    this.#armed.messagesLeft--
    return this.#armed.messagesLeft === 0 ? this.#armed.fault : undefined
  }
}

class Pair {
  readonly #sockets: readonly [client: Socket, server: Socket]
  #isStalled = false

  constructor(client: Socket, server: Socket, nextFault: () => Fault | undefined) {
    this.#sockets = [client, server]
    // Otherwise each message waits until the previous one is acknowledged.
    for (const socket of this.#sockets) socket.setNoDelay()
    this.#forward(client, server, messages({ startsUntyped: true }), nextFault)
    this.#forward(server, client, messages({ startsUntyped: false }), nextFault)
  }

  break(fault: Fault): void {
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
    nextFault: () => Fault | undefined,
  ): void {
    from.on('data', (chunk) => {
      for (const message of split(chunk)) {
        if (this.#isStalled || from.destroyed) return
        const fault = nextFault()
        if (fault === undefined) to.write(message)
        else this.break(fault)
      }
    })
    from.on('error', () => {}).on('close', () => to.destroy())
  }
}
