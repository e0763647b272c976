// A program: an OpenID provider on PORT under PREFIX, with new ES256 and EdDSA keys at each start, and the RSA key in
// RSA_KEY_FILE. A client that names a resource gets a JWT for interaction-api, signed with the algorithm at the end of the
// resource's name.

import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { env } from 'node:process'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'

const keys = await Promise.all(
  ['RS256', 'ES256', 'EdDSA'].map(async (alg) => {
    const privateKey =
      alg === 'RS256'
        ? createPrivateKey(readFileSync(env.RSA_KEY_FILE))
        : (await generateKeyPair(alg, { extractable: true })).privateKey
    return { ...(await exportJWK(privateKey)), alg, use: 'sig' }
  }),
)

const machine = (client_id) => ({
  client_id,
  client_secret: 'secret',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
})

const provider = new Provider(`http://127.0.0.1:${env.PORT}${env.PREFIX}`, {
  clients: ['agent', 'backend', 'visitor'].map(machine),
  jwks: { keys },
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
createServer((request, response) => {
  // as frameworks do that mount it under a path
  request.originalUrl = request.url
  request.url = request.url.replace(env.PREFIX, '')
  respond(request, response)
}).listen(Number(env.PORT), '127.0.0.1', () => process.send?.('listening'))
