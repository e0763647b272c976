// The OAuth scopes of this service (contract §1).

/** Each scope, and what a token with it may do within its role. */
export const scopeDescriptions = {
  interactions: 'Create, read, update and search interactions.',
  'interactions:read': 'Read and search interactions.',
  'interactions:write': 'Create and update interactions.',
} as const

export type Scope = keyof typeof scopeDescriptions

/** The characters that RFC 6749 (appendix A.4) allows in a scope. */
export const scopePattern = '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$'

/** Whether a scope is one of this service; others may be in a token for other services. */
export function isScope(scope: string): scope is Scope {
  return Object.hasOwn(scopeDescriptions, scope)
}

/** Whether granted scopes contain a scope: `interactions` contains the other two. */
export function containsScope(granted: readonly string[], scope: string): boolean {
  return granted.includes(scope) || (isScope(scope) && granted.includes('interactions'))
}
