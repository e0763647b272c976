// What the service refuses, and with which HTTP status. Knows no framework: rooms throw, http/errors.ts renders.

const statusOf = {
  bad_request: 400,
  invalid_request: 400,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  unauthorized: 401,
  invalid_client: 401,
  invalid_token: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  conflict: 409,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  expectation_failed: 417,
  idempotency_key_reused: 422,
  too_many_requests: 429,
  headers_too_large: 431,
  internal_error: 500,
  overloaded: 503,
  unavailable: 503,
} as const

export type ProblemCode = keyof typeof statusOf

/** An answer other than success, ready to be told to the caller (contract §7): the message is public. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ProblemCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.status = statusOf[code]
    this.headers = headers
  }

  /** The reply's body: an object whose values are all strings. */
  body(): Readonly<Record<string, string>> {
    return { error: this.code, error_description: this.message }
  }
}

/** What is wrong with a request: each offending parameter or member, with what would be accepted. */
export type Faults = Record<string, string>

/** 400 with all faults of the request at once; its body is the faults themselves. */
export class InvalidRequest extends Problem {
  readonly faults: Readonly<Faults>

  constructor(faults: Readonly<Faults>) {
    super('bad_request', 'The request is not valid.')
    this.faults = faults
  }

  override body(): Readonly<Record<string, string>> {
    return this.faults
  }
}

/** Authenticated, but not allowed (RFC 6750 §3.1). */
export function forbidden(message: string): Problem {
  return new Problem('forbidden', message, {
    'www-authenticate': `Bearer error="insufficient_scope", error_description="${message}"`,
  })
}
