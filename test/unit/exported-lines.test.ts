// Lines of an export file, as `import` reads them.
import { expect, test } from 'vitest'
import { readLine } from '../../src/interactions/lines.ts'
import { exportedLine } from '../support/exported-line.ts'

const read = (text: string) => readLine(Buffer.from(text))

test('a line is read with its version and the text of its data', () => {
  const data = { text: 'a' }
  expect(read(exportedLine('x', { type: 'chat', data, version: 7 }))).toEqual({
    id: 'x',
    organizationId: 'acme',
    createdBy: 'a',
    createdAt: '2024-05-01T00:00:00.000Z',
    type: 'chat',
    data: '{"text":"a"}',
    version: '7',
  })
})

test.each([
  ['no JSON', { line: 'must be a JSON object' }],
  ['', { line: 'must be a JSON object' }],
  ['[]', { line: 'must be a JSON object' }],
  [exportedLine(''), { id: expect.stringMatching(/^must have 1 to 255 characters/) }],
  [exportedLine('x', { organizationId: null }), { organizationId: expect.stringMatching(/^is required/) }],
  [
    exportedLine('x', { createdAt: '2024-05-01' }),
    { createdAt: expect.stringMatching(/^must be an ISO 8601/) },
  ],
  [
    exportedLine('x', { createdAt: '2024-05-01T00:00:00.0001Z' }),
    { createdAt: expect.stringMatching(/to the millisecond/) },
  ],
  [
    exportedLine('x', { createdAt: '0000-05-01T00:00:00Z' }),
    { createdAt: expect.stringMatching(/of the years/) },
  ],
  [exportedLine('x', { data: [] }), { data: expect.stringMatching(/^must be an object/) }],
  [exportedLine('x', { data: { text: '\u0000' } }), { data: expect.stringMatching(/^must not contain/) }],
  [exportedLine('x', { version: -1 }), { version: expect.stringMatching(/^must be a whole number/) }],
  [exportedLine('x', { dataText: '{"other":1}' }), { dataText: 'must be the text of data' }],
  [exportedLine('x', { notes: 'kept?' }), { notes: 'is not a member of an interaction' }],
])('the line %s is refused', (text, errors) => {
  expect(read(text)).toEqual({ errors })
})
