// Remembers which secrets were verified lately: hashing one again takes long, by design.
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** How many are remembered, at about 150 bytes each, and for how long. */
const maxRemembered = 10_000
const rememberedForMs = 10 * 60 * 1000

/** Verifies a secret against hashes. */
type Verify = () => Promise<boolean>

/**
 * Returns a function that verifies a secret, unless it was verified against exactly these hashes lately. Requests of one
 * holder that bring the same secret at once share its verification.
 *
 * The memory holds neither secrets nor anything that a secret could be guessed by: only HMAC-SHA-256 of secret and hashes,
 * with a random key that lives as long as the process. A client that is revoked or has a new secret has other hashes, so
 * that nothing old counts for it.
 */
export function rememberSecrets() {
  const key = randomBytes(32)
  const remembered = new LRUCache<string, true>({ max: maxRemembered, ttl: rememberedForMs })
  const verifying = new Map<string, Promise<boolean>>()

  return async (
    secret: string,
    hashes: readonly string[],
    holder: string,
    verify: Verify,
  ): Promise<boolean> => {
    const digest = createHmac('sha256', key)
      .update(JSON.stringify([secret, ...hashes]))
      .digest('base64')
    if (remembered.has(digest)) return true
    const name = `${digest} ${holder}`
    const running = verifying.get(name)
    if (running !== undefined) return running
    const verified = verify().finally(() => verifying.delete(name))
    verifying.set(name, verified)
    if (!(await verified)) return false
    remembered.set(digest, true)
    return true
  }
}
