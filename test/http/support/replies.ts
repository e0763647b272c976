// Expectations that every error response meets (contract §7).
import type { LightMyRequestResponse } from 'fastify'
import { expect } from 'vitest'

/** Expects a 400 that names exactly these parameters or members. */
export function expectErrors(reply: LightMyRequestResponse, ...names: string[]): void {
  expect({ status: reply.statusCode, body: reply.json() }).toEqual({
    status: 400,
    body: Object.fromEntries(names.map((name) => [name, expect.stringMatching(/\w/)])),
  })
  expect(reply.headers['content-type']).toBe('application/json')
}

/** Expects an error response with a code and a sentence. */
export function expectProblem(reply: LightMyRequestResponse, status: number, error: string): void {
  expect({ status: reply.statusCode, body: reply.json() }).toEqual({
    status,
    body: { error, error_description: expect.stringMatching(/\w/) },
  })
  expect(reply.headers['content-type']).toBe('application/json')
}
