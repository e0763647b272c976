// Checks before the measurements that all targets send equal responses.
import { isDeepStrictEqual } from 'node:util'
import { bigOrganization } from './dataset/interactions.ts'
import { operations } from './dataset/operations.ts'
import type { Target } from './servers/targets.ts'
import { agentToken } from './servers/tokens.ts'

/** @throws Error that names the first request with unequal responses */
export async function checkEqualResponses(targets: readonly Target[], total: number): Promise<void> {
  const headers = { authorization: `Bearer ${agentToken(bigOrganization)}` }
  for (const operation of operations)
    for (let draw = 1; draw <= 5; draw++) {
      const { method, path } = operation.request(draw * 104_729_000, total)
      if (method !== 'GET') continue
      const replies = await Promise.all(targets.map(({ baseUrl }) => fetch(baseUrl + path, { headers })))
      const [first, ...others] = await Promise.all(
        replies.map(async (reply) => [reply.status, await reply.json()]),
      )
      if (others.some((other) => !isDeepStrictEqual(other, first)))
        throw new Error(`The targets respond differently to ${path}.`)
    }
}
