// What the scopes of a token allow, and the check of each route (contract §1).
import type { onRequestHookHandler } from 'fastify'
import { Problem } from '../http/problem.ts'
import { containsScope, isScope, type Scope } from '../types/scope.ts'

/** What a caller may do with the interactions that its role reaches. */
export interface Access {
  readonly mayRead: boolean
  readonly mayWrite: boolean
}

export interface AccessSettings {
  /** whether a token without any scope of this service allows nothing; otherwise it allows everything */
  readonly requireScope: boolean
  /** what a provider puts before the names of scopes */
  readonly scopePrefix: string
}

/** Returns what the scopes of a token allow. */
export function toAccess(scopes: readonly string[], { requireScope, scopePrefix }: AccessSettings): Access {
  const granted = scopes.map((scope) =>
    scope.startsWith(scopePrefix) ? scope.slice(scopePrefix.length) : scope,
  )
  if (!granted.some(isScope)) return { mayRead: !requireScope, mayWrite: !requireScope }
  return {
    mayRead: containsScope(granted, 'interactions:read'),
    mayWrite: containsScope(granted, 'interactions:write'),
  }
}

/** Returns an onRequest hook that responds with 403 to callers whose token does not have the scope. */
export function requireScope(scope: Exclude<Scope, 'interactions'>): onRequestHookHandler {
  const isAllowed = scope === 'interactions:read' ? 'mayRead' : 'mayWrite'
  return ({ caller }, _reply, done) => done(caller[isAllowed] ? undefined : insufficientScope(scope))
}

/** Returns the 403 that names the scope (RFC 6750 §3.1). */
function insufficientScope(scope: Scope): Problem {
  const message = `The token must have the scope ${scope}.`
  return new Problem('insufficient_scope', message, {
    'www-authenticate': `Bearer error="insufficient_scope", error_description="${message}", scope="${scope}"`,
  })
}
