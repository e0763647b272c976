// The contents of auvious-rtc-api-v1.9.18. A type is written `type`, `type(format)`, `[items]` or as a component name.
const all = '/rtc-api/interactions'
const one = `${all}/{interactionId}`
const id = ['interactionId', 'path', 'string', true] as const

/** Operations; `body` and `success` name components. */
export const operations = [
  {
    method: 'get',
    path: one,
    parameters: [id],
    body: undefined,
    success: ['200', 'Interaction'],
    errors: ['400', '401', '403', '404'],
  },
  {
    method: 'put',
    path: one,
    parameters: [id],
    body: 'UpdateInteractionWebCommand',
    success: ['204', undefined],
    errors: ['400', '401', '403', '404', '409'],
  },
  {
    method: 'post',
    path: all,
    parameters: [],
    body: 'CreateInteractionWebCommand',
    success: ['200', 'CreateInteractionResponse'],
    errors: ['400', '401', '409'],
  },
  {
    method: 'get',
    path: all,
    parameters: [
      ['page', 'query', 'integer', false],
      ['size', 'query', 'integer', false],
      ['sort', 'query', '[string]', false],
      ['start', 'query', 'string(date-time)', true],
      ['end', 'query', 'string(date-time)', true],
      ['type', 'query', 'string', false],
      ['userId', 'query', 'string', false],
      ['recording', 'query', 'string', false],
      ['customerId', 'query', 'string', false],
      ['conferenceId', 'query', 'string', false],
      ['tags', 'query', 'string', false],
      ['onHoldDurationGt', 'query', 'string', false],
      ['onHoldDurationLt', 'query', 'string', false],
    ],
    body: undefined,
    success: ['200', 'PageInteraction'],
    errors: ['400'],
  },
] as const

/** Components with the type of each member. */
export const components: Record<string, Record<string, string>> = {
  Interaction: {
    id: 'string',
    organizationId: 'string',
    createdBy: 'string',
    createdAt: 'string(date-time)',
    type: 'string',
    data: 'object',
    version: 'integer(int64)',
  },
  CreateInteractionWebCommand: {
    interactionId: 'string',
    type: 'string',
    data: 'object',
    organizationId: 'string',
  },
  CreateInteractionResponse: { interactionId: 'string', version: 'integer(int64)' },
  UpdateInteractionWebCommand: { type: 'string', data: 'object', version: 'integer(int64)' },
  PageInteraction: {
    totalPages: 'integer(int32)',
    totalElements: 'integer(int64)',
    size: 'integer(int32)',
    content: '[Interaction]',
    number: 'integer(int32)',
    sort: 'SortObject',
    numberOfElements: 'integer(int32)',
    pageable: 'PageableObject',
    first: 'boolean',
    last: 'boolean',
    empty: 'boolean',
  },
  PageableObject: {
    offset: 'integer(int64)',
    sort: 'SortObject',
    pageSize: 'integer(int32)',
    paged: 'boolean',
    pageNumber: 'integer(int32)',
    unpaged: 'boolean',
  },
  SortObject: { empty: 'boolean', sorted: 'boolean', unsorted: 'boolean' },
}
