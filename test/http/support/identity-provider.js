// A program that runs OpenID providers, one on each port. The message { port, prefix, rsaKeyFile } starts one under that
// path, with that RSA key and new ES256 and EdDSA keys; { port } stops it. Each message is sent back when it is done.
// A client that names a resource gets a JWT for interaction-api, signed with the algorithm at the end of the resource's
// name.

import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'

const machine = (client_id) => ({
  client_id,
  client_secret: 'secret',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
})

const running = new Map()

process.on('message', async (order) => {
  const { port, prefix } = order
  if (prefix === undefined) await stop(port)
  else await start(order)
  process.send(order)
})

async function start({ port, prefix, rsaKeyFile }) {
  const provider = new Provider(`http://127.0.0.1:${port}${prefix}`, {
    clients: ['agent', 'backend', 'visitor'].map(machine),
    jwks: { keys: await makeKeys(rsaKeyFile) },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: '',
          audience: resource.includes('elsewhere') ? 'elsewhere' : 'interaction-api',
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: resource.split('/').at(-1) } },
        }),
      },
    },
    extraTokenClaims: (_context, { clientId }) =>
      ({ agent: { roles: ['AGENT'], tenant: 'acme' }, backend: { roles: ['SERVICE'] } })[clientId],
  })
  const respond = provider.callback()
  const server = createServer((request, response) => {
    // as frameworks do that mount it under a path
    request.originalUrl = request.url
    request.url = request.url.replace(prefix, '')
    respond(request, response)
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  running.set(port, server)
}

async function stop(port) {
  const server = running.get(port)
  running.delete(port)
  server.close().closeAllConnections()
  await once(server, 'close')
}

function makeKeys(rsaKeyFile) {
  return Promise.all(
    ['RS256', 'ES256', 'EdDSA'].map(async (alg) => {
      const privateKey =
        alg === 'RS256'
          ? createPrivateKey(readFileSync(rsaKeyFile))
          : (await generateKeyPair(alg, { extractable: true })).privateKey
      return { ...(await exportJWK(privateKey)), alg, use: 'sig' }
    }),
  )
}
