// Token requests in the three styles that published clients use (contract §2).
import type { LightMyRequestResponse } from 'fastify'
import type { TestApp } from '../../support/app.ts'
import { createClient } from '../../support/clients.ts'

export const tokenUrl = '/security/oauth/token'

/** Settings for tests with more failures than the throttle allows by default. */
export const tolerant = {
  TOKEN_FAILURES_PER_CLIENT: '1000000',
  TOKEN_FAILURES_PER_ADDRESS: '1000000',
}

export const styles = ['basic', 'form', 'query'] as const
export type Style = (typeof styles)[number]

export const form = { 'content-type': 'application/x-www-form-urlencoded' }

export const basic = (clientId: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
})

export const query = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString()

/** Requests a token in that style; the query style sends neither a body nor a content type. */
export function askForToken(
  service: TestApp,
  style: Style,
  [clientId, secret]: readonly [string, string],
  rest: Record<string, string> = { grant_type: 'client_credentials' },
): Promise<LightMyRequestResponse> {
  const all = query({ client_id: clientId, client_secret: secret, ...rest })
  const request = {
    basic: { url: tokenUrl, headers: { ...basic(clientId, secret), ...form }, payload: query(rest) },
    form: { url: tokenUrl, headers: form, payload: all },
    query: { url: `${tokenUrl}?${all}` },
  }[style]
  return service.inject({ method: 'POST', ...request })
}

export const agentClient = (clientId: string) =>
  ({ clientId, role: 'AGENT', organizationId: 'acme', scopes: ['interactions', 'reports'] }) as const

export const serviceClient = (clientId: string) =>
  ({ clientId, role: 'SERVICE', organizationId: null, scopes: ['interactions'] }) as const

/** Creates a client. @returns its credentials */
export async function addClient(
  { database }: TestApp,
  client: Parameters<typeof createClient>[1],
  secret: string,
  secretCost?: number,
): Promise<readonly [string, string]> {
  await createClient(database.kysely, client, secret, secretCost)
  return [client.clientId, secret]
}
