// The dashboard of docs/observe asks for metrics that there are.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startTestApp } from '../support/app.ts'
import { agentToken } from '../support/tokens.ts'

const { app, call } = await startTestApp()

const file = path.join(import.meta.dirname, '..', '..', 'docs', 'observe', 'dashboard.json')
const { panels } = JSON.parse(readFileSync(file, 'utf8')) as {
  panels: { title: string; targets: { expr: string }[] }[]
}
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

/** The metrics, with an underscore in each name, that the text has beside functions, labels and variables. */
function namesIn(expression: string): string[] {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)/g, '')
  return bare.match(/\b[a-z]+(?:_[a-z]+)+\b(?!\s*\()/g) ?? []
}

test('each metric of the dashboard is among the metrics, and each panel has one', async () => {
  await call(agentToken(), 'GET', '/nothing')
  const { payload } = await app.inject({ url: '/metrics' })
  const known = new Set(payload.match(/^[a-z_]+/gm))

  for (const expression of expressions) expect(namesIn(expression)).not.toEqual([])
  expect(expressions.flatMap(namesIn).filter((name) => !known.has(name))).toEqual([])
})
