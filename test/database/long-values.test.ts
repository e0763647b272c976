// Values of the maximum length fit into every index: no write fails because of their size, and searches find them.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { amount } from '../support/amount.ts'
import { startTestApp } from '../support/app.ts'
import { always, query, wideText } from '../support/make.ts'
import { serviceToken, signToken } from '../support/tokens.ts'

const { call } = await startTestApp()

describe('ids, types, users and tags of the maximum length', () => {
  const wide = () => wideText(255)

  test('are stored, found, and updated', async () => {
    const [id, organization, sub, type] = [wide(), wide(), wide(), wide()]
    const token = signToken({ sub, organization, authorities: ['AGENT'] })
    const data = { customerId: wide(), conferenceId: wide(), tags: [wide(), wide()], onHoldDuration: 1 }
    const created = await call(token, 'POST', '', { interactionId: id, type, data })
    expect(created.statusCode, created.body).toBe(200)

    const read = await call(token, 'GET', `/${encodeURIComponent(id)}`)
    expect(read.json()).toMatchObject({ id, organizationId: organization, createdBy: sub, type, data })

    const { customerId, conferenceId, tags } = data
    for (const filter of [{ userId: sub }, { type }, { customerId }, { conferenceId }, { tags }]) {
      const found = await call(token, 'GET', query({ ...always, ...filter }))
      expect(found.json()).toMatchObject({ totalElements: 1, content: [{ id }] })
    }
    const changed = await call(token, 'PUT', `/${encodeURIComponent(id)}`, {
      type: wide(),
      data: { customerId: wide() },
    })
    expect(changed.statusCode, changed.body).toBe(204)
  })

  test('fit into every index entry in any combination of lengths', async () => {
    const lengths = fc.constantFrom(1, 2, 60, 120, 200, 245, 255)
    const tagText = fc.oneof(
      fc.nat({ max: 260 }).map((length) => [wideText(length)]),
      fc.nat({ max: 1100 }).map((length) => [randomText(length)]),
      fc.nat({ max: 400 }).map((length) => Array.from({ length }, () => '')),
      fc.nat({ max: 300 }).map((length) => Array.from({ length }, () => randomText(1))),
    )
    const duration = fc.constantFrom(`-0.${'7'.repeat(61)}`, `-${'9'.repeat(59)}e-99`, '1e99')
    await fc.assert(
      fc.asyncProperty(
        lengths,
        lengths,
        tagText,
        duration,
        async (idLength, orgLength, tags, onHoldDuration) => {
          const organization = wideText(orgLength)
          const token = signToken({ sub: wide(), organization, authorities: ['AGENT'] })
          const [name, id, type] = [wide(), wideText(idLength), wide()]
          const members = `{"customerId":"${name}","roomName":"${name}","onHoldDuration":${onHoldDuration},"tags":${JSON.stringify(tags)}}`
          const body = `{"interactionId":"${id}","type":"${type}","data":${members}}`
          const created = await call(token, 'POST', '', body)
          // short ids repeat sooner or later
          expect(created.statusCode === 409 && idLength <= 2 ? 200 : created.statusCode, created.body).toBe(
            200,
          )
          const filterTags = tags.filter((tag) => tag !== '' && !tag.includes(',')).slice(0, 5)
          const reply = await call(token, 'GET', query({ ...always, tags: filterTags, customerId: name }))
          expect(reply.statusCode, reply.body).toBe(200)
          if (created.statusCode === 200) expect(reply.json().totalElements).toBe(1)
        },
      ),
      { numRuns: amount(150) },
    )
  })

  test('are rejected, not truncated, with one more character', async () => {
    const body = { interactionId: wideText(256), type: wideText(256), organizationId: wideText(256) }
    const reply = await call(serviceToken(), 'POST', '', body)
    expect(reply.statusCode).toBe(400)
    expect(Object.keys(reply.json()).sort()).toEqual(['interactionId', 'organizationId', 'type'])
  })
})

/** Returns random lower-case letters. */
function randomText(length: number): string {
  const character = () => String.fromCharCode(0x61 + Math.floor(Math.random() * 26))
  return Array.from({ length }, character).join('')
}
