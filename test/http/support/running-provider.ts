// Runs identity-provider.js as a separate process, whose providers can be stopped and started again.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as openid from 'openid-client'
import { afterAll } from 'vitest'
import { freePort } from '../../support/listening.ts'

const program = new URL('./identity-provider.js', import.meta.url)
const rsaKeys = ['other', 'old'].map((name) => new URL(`../../support/keys/${name}.pem`, import.meta.url))

/** Starts a provider, or stops it when only the port is given. */
interface Order {
  readonly port: number
  readonly prefix?: string
  readonly rsaKeyFile?: string
}

/**
 * Starts a process that can run several providers. It ends after the tests of the file.
 * @returns a function that returns a provider that is not started yet; `prefix` is the path of its issuer: empty, or with
 * a leading slash and no trailing one
 */
export function identityProviders() {
  const host = fork(program, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  const exited = once(host, 'exit')
  afterAll(async () => {
    host.kill()
    await exited
  })
  const send = async (order: Order) => {
    const failed = exited.then(() => Promise.reject(new Error('the process of the providers has ended')))
    const done = once(host, 'message')
    host.send(order)
    await Promise.race([done, failed])
  }
  return async (prefix = '') => {
    const port = await freePort()
    const issuer = `http://127.0.0.1:${port}${prefix}`
    let starts = 0
    return {
      issuer,
      /** Starts it with new keys. */
      async start() {
        const rsaKeyFile = fileURLToPath(rsaKeys[starts++ % rsaKeys.length] ?? '')
        await send({ port, prefix, rsaKeyFile })
      },
      stop: () => send({ port }),
      /** Returns a token for the client `agent`, `backend` or `visitor`. */
      async getToken(clientId: string, resource = 'https://api.example/RS256'): Promise<string> {
        const configuration = await openid.discovery(new URL(issuer), clientId, 'secret', undefined, {
          execute: [openid.allowInsecureRequests],
        })
        return (await openid.clientCredentialsGrant(configuration, { resource })).access_token
      },
    }
  }
}

/** Settings for accepting its tokens and issuing none. */
export const providerSettings = {
  JWT_AUTHORITIES_CLAIM: 'roles',
  JWT_ORGANIZATION_CLAIM: 'tenant',
  TOKEN_ENDPOINT: 'false',
} as const
