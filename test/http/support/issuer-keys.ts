// The keys of a local issuer, whose tokens the test makes.
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { otherKeyPem } from '../../support/keys.ts'
import { respond } from './lying-provider.ts'

/** Serves the public key that verifies tokens which the private key signs. The caller must close it. */
export async function issuerKeys() {
  const keyId = 'issuer-1'
  const privateKey = createPrivateKey(otherKeyPem)
  // the keys of some providers name no algorithm
  const jwk = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: keyId, use: 'sig' }
  const server = createServer(respond({ keys: [jwk] })).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    keyId,
    privateKey,
    url: `http://127.0.0.1:${port}/jwks`,
    close: () => server.close().closeAllConnections(),
  }
}
