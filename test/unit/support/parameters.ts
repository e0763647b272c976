// Query strings as callers write them, taken apart by the platform instead of by the code under test.
import type { ParameterValues } from '../../../src/interactions/page.ts'

export function parameters(query: string): ParameterValues {
  const all = new URLSearchParams(query)
  return (name) => all.getAll(name)
}
