// The configuration of the operations guide, with the addresses and folders of this machine.
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { readBlocks } from '../../docs/support/page.ts'

/** Returns the files of the section "A cluster that fails over", as they are on the page. */
export function readConfiguration() {
  return {
    etcd: blockWith('initial-cluster'),
    patroni: blockWith('synchronous_mode'),
    proxy: blockWith('listen postgresql'),
    balancer: blockWith('listen interaction_api'),
    settings: blockWith('DATABASE_URL=postgres://interaction_api:secret@127.0.0.1:5000'),
  }
}

function blockWith(words: string): string {
  const found = readBlocks('docs/operators.md').filter(
    ({ language, text }) => language !== 'sh' && text.includes(words),
  )
  if (found.length !== 1) throw new Error(`the operations guide has ${found.length} blocks with ${words}`)
  return found[0]?.text ?? ''
}

export interface Addresses {
  /** Returns the port of this machine that stands for an address of the page, such as `10.0.0.1:5432`. */
  portOf(address: string): Promise<number>
  /** Replaces all addresses of a file, and the network. */
  replace(text: string): Promise<string>
}

export function openAddresses(): Addresses {
  const ports = new Map<string, number>()
  const portOf = async (address: string) => {
    const port = ports.get(address) ?? (await findPort([...ports.values()]))
    ports.set(address, port)
    return port
  }
  return {
    portOf,
    async replace(page) {
      let text = page
      // HAProxy's way to write the address of a check
      for (const [line, host, port] of text.matchAll(/(10\.0\.0\.\d+):\d+ check port (\d+)/g))
        text = text.replace(line, line.replace(/\d+$/, `${await portOf(`${host}:${port}`)}`))
      const pattern = /\b(?:10\.0\.0\.\d+|127\.0\.0\.1):\d+\b/g
      for (const [address] of text.matchAll(pattern)) await portOf(address)
      return text
        .replaceAll(pattern, (address) => `127.0.0.1:${ports.get(address)}`)
        .replaceAll('10.0.0.0/24', '127.0.0.0/8')
    },
  }
}

/**
 * Returns a port that nothing listens on. It is below those that Linux gives to outgoing connections, one of which might
 * otherwise have the port of a node that is down.
 */
async function findPort(taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    if (taken.includes(port)) continue
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return port
  }
}
