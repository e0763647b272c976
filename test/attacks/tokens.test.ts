// Attacks on the token endpoint (contract §9): what other clients see meanwhile.
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openConnections, percentile, type TimedResponse } from '../faults/support/load.ts'
import type { RunningService } from '../support/service.ts'
import {
  attackAndMeasure,
  attackMs,
  expectFairness,
  repeatOnConnections,
  serveTwoOrganizations,
} from './support/attack.ts'

const client = (clientId: string) => ({
  clientId,
  clientSecret: `secret-of-${clientId}`,
  role: 'AGENT',
  organizationId: clientId,
})

const clients = JSON.stringify([client('honest'), client('attacker')])

function tokenRequest(clientId: string, secret: string): string {
  const body = `grant_type=client_credentials&client_id=${clientId}&client_secret=${secret}`
  return (
    `POST /security/oauth/token HTTP/1.1\r\nHost: localhost\r\n` +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** Requests tokens of the honest client, one after the other, until the signal is aborted. */
async function askSteadily(service: RunningService, over: AbortSignal): Promise<TimedResponse[]> {
  const [connection] = await openConnections(service.baseUrl, 1)
  const responses: TimedResponse[] = []
  while (connection !== undefined && !over.aborted) {
    responses.push(await connection.send(tokenRequest('honest', 'secret-of-honest')))
    await pause(20)
  }
  connection?.close()
  return responses
}

const attacks: readonly [string, number, () => string][] = [
  ['a valid client', 200, () => tokenRequest('attacker', 'secret-of-attacker')],
  ['wrong secrets for the ids of nobody', 60, () => tokenRequest(`nobody-${Math.random()}`, 'wrong')],
  [
    'a valid client, and a wrong secret each time',
    60,
    () => tokenRequest('attacker', `wrong-${Math.random()}`),
  ],
]

test('whatever tokens one client asks for, another gets its own', async () => {
  const attacked = await serveTwoOrganizations({ BOOTSTRAP_CLIENTS: clients })
  const { service } = attacked
  const first = await askSteadily(service, AbortSignal.timeout(200))
  expect(first.map(({ status }) => status)).toContain(200)
  for (const [name, count, request] of attacks) {
    const tokens: TimedResponse[] = []
    const report = await attackAndMeasure(attacked, async (over) => {
      const honest = askSteadily(service, AbortSignal.any([over, AbortSignal.timeout(attackMs)]))
      await repeatOnConnections(service.baseUrl, count, over, request)
      tokens.push(...(await honest))
    })
    const p95 = percentile(tokens, 95)
    process.stdout.write(`${name}: ${tokens.length} honest tokens with p95 ${p95.toFixed()} ms\n`)
    expect(tokens.filter(({ status }) => status !== 200)).toEqual([])
    expect(tokens.length).toBeGreaterThan(5)
    expectFairness(name, report)
  }
})
