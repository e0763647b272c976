// The shapes of the baseline's requests and responses.
import { type Static, Type } from '@sinclair/typebox'

const Identifier = Type.String({ minLength: 1, maxLength: 255 })
const Data = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true })

export const Claims = Type.Object({ sub: Type.String(), organization: Type.String() })

export const InteractionPath = Type.Object({ id: Identifier })

export const CreateBody = Type.Object({
  interactionId: Type.Optional(Identifier),
  type: Type.Optional(Identifier),
  data: Type.Optional(Data),
})

export const Created = Type.Object({ interactionId: Identifier, version: Type.Integer() })

export const UpdateBody = Type.Object({
  type: Type.Optional(Identifier),
  data: Type.Optional(Data),
  version: Type.Optional(Type.Integer()),
})

export const SearchQuery = Type.Object({
  start: Type.String({ format: 'date-time' }),
  end: Type.String({ format: 'date-time' }),
  type: Type.Optional(Type.String()),
  customerId: Type.Optional(Type.String()),
  recording: Type.Optional(Type.Literal('media')),
  onHoldDurationGt: Type.Optional(Type.Number()),
  page: Type.Integer({ minimum: 0, default: 0 }),
  size: Type.Integer({ minimum: 1, maximum: 2000, default: 20 }),
})

export const Interaction = Type.Object({
  id: Type.String(),
  organizationId: Type.String(),
  createdBy: Type.String(),
  createdAt: Type.String(),
  type: Type.Optional(Type.String()),
  // a schema without a type is written by JSON.stringify, in less than half the time of one of free-form objects
  data: Type.Unknown(),
  version: Type.Integer(),
})

const Sort = Type.Object({ empty: Type.Boolean(), sorted: Type.Boolean(), unsorted: Type.Boolean() })

export const InteractionPage = Type.Object({
  content: Type.Array(Interaction),
  pageable: Type.Object({
    pageNumber: Type.Integer(),
    pageSize: Type.Integer(),
    sort: Sort,
    offset: Type.Integer(),
    paged: Type.Boolean(),
    unpaged: Type.Boolean(),
  }),
  totalElements: Type.Integer(),
  totalPages: Type.Integer(),
  last: Type.Boolean(),
  size: Type.Integer(),
  number: Type.Integer(),
  sort: Sort,
  first: Type.Boolean(),
  numberOfElements: Type.Integer(),
  empty: Type.Boolean(),
})

export type Claims = Static<typeof Claims>
export type InteractionPath = Static<typeof InteractionPath>
export type CreateBody = Static<typeof CreateBody>
export type UpdateBody = Static<typeof UpdateBody>
export type SearchQuery = Static<typeof SearchQuery>
export type Interaction = Static<typeof Interaction>
export type InteractionPage = Static<typeof InteractionPage>
