// Errors that callers see, with the HTTP status of each. Routes throw them; errors.ts renders them.

const statusOf = {
  bad_request: 400,
  invalid_request: 400,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  unauthorized: 401,
  invalid_client: 401,
  invalid_token: 401,
  forbidden: 403,
  insufficient_scope: 403,
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
  not_implemented: 501,
  overloaded: 503,
  search_timeout: 503,
  unavailable: 503,
} as const

export type ProblemCode = keyof typeof statusOf

/** An error response (contract §7). The message is public. */
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

  /** Returns the body of the response: an object whose values are all strings. */
  body(): Readonly<Record<string, string>> {
    return { error: this.code, error_description: this.message }
  }
}

/** What is wrong with a request, by the name of the parameter, header or member: phrases such as "must be a string". */
export type ValidationErrors = Readonly<Record<string, string>>

/** 400; the body is the validation errors. */
export class InvalidRequest extends Problem {
  readonly errors: ValidationErrors

  constructor(errors: ValidationErrors) {
    super('bad_request', 'The request is not valid.')
    this.errors = errors
  }

  override body(): ValidationErrors {
    return this.errors
  }
}

/** Returns a 403 for an authenticated caller (RFC 6750 §3.1). */
export function forbidden(message: string): Problem {
  return new Problem('forbidden', message, {
    'www-authenticate': `Bearer error="insufficient_scope", error_description="${message}"`,
  })
}

/** Returns a 503 that may be retried after `retryAfterSeconds`. */
export function unavailable(message: string, retryAfterSeconds = 1): Problem {
  return new Problem('unavailable', message, { 'retry-after': String(retryAfterSeconds) })
}
