// The dashboard of docs/observe queries metrics that exist.
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { panels } from '../support/dashboard.ts'
import { agentToken } from '../support/tokens.ts'

const { app, call } = await startTestApp()

const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

/** Returns the metric names (with an underscore) in an expression, without functions, labels and variables. */
function namesIn(expression: string): string[] {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)/g, '')
  return bare.match(/\b[a-z]+(?:_[a-z]+)+\b(?!\s*\()/g) ?? []
}

test('each panel of the dashboard queries metrics that exist', async () => {
  await call(agentToken(), 'GET', '/nothing')
  const { payload } = await app.inject({ url: '/metrics' })
  const known = new Set(payload.match(/^[a-z_]+/gm))

  for (const expression of expressions) expect(namesIn(expression)).not.toEqual([])
  expect(expressions.flatMap(namesIn).filter((name) => !known.has(name))).toEqual([])
})
