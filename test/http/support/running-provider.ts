// Runs identity-provider.js as a separate process that can be stopped and started again.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as openid from 'openid-client'
import { afterAll } from 'vitest'
import { freePort } from '../../support/listening.ts'

const program = new URL('./identity-provider.js', import.meta.url)
const rsaKeys = ['other', 'old'].map((name) => new URL(`../../support/keys/${name}.pem`, import.meta.url))

/**
 * Returns a provider that is not started yet; stopped after the tests of the file.
 * @param prefix the path of its issuer: empty, or with a leading slash and no trailing one
 */
export async function identityProvider(prefix = '') {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}${prefix}`
  let running: ChildProcess | undefined
  let starts = 0
  const stop = async () => {
    if (running === undefined) return
    const exited = once(running, 'exit')
    running.kill()
    await exited
    running = undefined
  }
  afterAll(stop)
  return {
    issuer,
    /** Starts it with new keys. */
    async start() {
      starts++
      const RSA_KEY_FILE = fileURLToPath(rsaKeys[starts % rsaKeys.length] ?? '')
      running = fork(program, { env: { PORT: String(port), PREFIX: prefix, RSA_KEY_FILE }, stdio: 'ignore' })
      await once(running, 'message')
    },
    stop,
    /** Returns a token for the client `agent`, `backend` or `visitor`. */
    async getToken(clientId: string, resource = 'https://api.example/RS256'): Promise<string> {
      const configuration = await openid.discovery(new URL(issuer), clientId, 'secret', undefined, {
        execute: [openid.allowInsecureRequests],
      })
      return (await openid.clientCredentialsGrant(configuration, { resource })).access_token
    },
  }
}

/** Settings for accepting its tokens and issuing none. */
export const providerSettings = {
  JWT_AUTHORITIES_CLAIM: 'roles',
  JWT_ORGANIZATION_CLAIM: 'tenant',
  TOKEN_ENDPOINT: 'false',
} as const
