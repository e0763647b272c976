// The identity provider of identity-provider.js as a process of its own, which can be stopped and started anew.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import * as openid from 'openid-client'
import { afterAll } from 'vitest'
import { freePort } from '../../support/listening.ts'

const program = new URL('./identity-provider.js', import.meta.url)

/**
 * A provider that does not run yet, and is stopped when the tests of the file are over.
 * @param prefix the path of its issuer: empty, or with a slash before it and none behind
 */
export async function identityProvider(prefix = '') {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}${prefix}`
  let running: ChildProcess | undefined
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
    /** With other keys than the last time. */
    async start() {
      running = fork(program, { env: { PORT: String(port), PREFIX: prefix }, stdio: 'ignore' })
      await once(running, 'message')
    },
    stop,
    /** A token for the client `agent`, `backend` or `visitor`. */
    async ask(clientId: string, resource = 'https://api.example/RS256'): Promise<string> {
      const configuration = await openid.discovery(new URL(issuer), clientId, 'secret', undefined, {
        execute: [openid.allowInsecureRequests],
      })
      return (await openid.clientCredentialsGrant(configuration, { resource })).access_token
    },
  }
}

/** The settings with which its tokens are understood, and no others are given. */
export const providerSettings = {
  JWT_AUTHORITIES_CLAIM: 'roles',
  JWT_ORGANIZATION_CLAIM: 'tenant',
  TOKEN_ENDPOINT: 'false',
} as const
