// What requests may hold, by the names of the reimplemented document. Requests are validated by these types.
import { Type } from '@sinclair/typebox'
import { crossCheck } from '../http/validation.ts'
import { Identifier, IdentifierOrEmpty, PathIdentifier } from '../types/identifier.ts'
import { compareInstants, DateTime, type Instant } from '../types/instant.ts'
import { Int64 } from '../types/int64.ts'
import { JsonObject } from '../types/json-object.ts'
import { AnyText, IsTrue, Text } from '../types/text.ts'
import { PageNumber, PageSize, Sort } from './page.ts'
import { filters } from './sql/filters.ts'

export const text = (description: string, example: string) => ({ description, examples: [example] })

/** The organization of the demo clients, so that examples work with either of them. */
export const exampleOrganization = 'demo-organization'
export const exampleId = '0199a6c4-7f1e-7c2a-9d53-2f6f1b0c8e11'

export const data = (description: string) => ({
  description,
  examples: [{ customerId: 'c-1042', roomName: 'room-7', tags: ['vip'], onHoldDuration: 1500 }],
})

/** Members of a body may be null, which means absent. */
const nullable = (type: string) => ({ type: [type, 'null'] })

export const CreateInteractionWebCommand = Type.Object(
  {
    interactionId: Type.Optional(
      PathIdentifier({
        ...nullable('string'),
        ...text(
          'An id of your own, such as that of the conversation in another system. By default, a UUID is made.',
          exampleId,
        ),
      }),
    ),
    type: Type.Optional(
      IdentifierOrEmpty({
        ...nullable('string'),
        ...text(
          'The type of interaction: `audio`, `video`, `chat`, `cobrowse` or your own. An empty one counts as absent.',
          'video',
        ),
      }),
    ),
    data: Type.Optional(
      JsonObject({
        ...nullable('object'),
        ...data('Any data. Some of its members can be searched by: see the list operation.'),
      }),
    ),
    // ignored for callers of an organization, and so not checked here: see create.ts
    organizationId: Type.Optional(
      AnyText({
        ...nullable('string'),
        ...text(
          'The organization to create it in. Required of callers of the SERVICE role, ignored for others.',
          exampleOrganization,
        ),
      }),
    ),
  },
  {
    $id: 'CreateInteractionWebCommand',
    description: 'The interaction to create. A member that is null counts as absent.',
  },
)

export const UpdateInteractionWebCommand = Type.Object(
  {
    type: Type.Optional(
      IdentifierOrEmpty({
        ...nullable('string'),
        ...text('The new type. By default, or if it is empty, it stays.', 'video'),
      }),
    ),
    data: Type.Optional(
      JsonObject({
        ...nullable('object'),
        ...data('The new data, which replaces all of the old. By default, it stays.'),
      }),
    ),
    version: Type.Optional(
      Int64({
        ...nullable('integer'),
        description:
          'The version that you have read. When it is not the current one, nothing is changed. By default, it is not compared.',
        examples: [0],
      }),
    ),
  },
  {
    $id: 'UpdateInteractionWebCommand',
    description: 'What to change. A member that is null counts as absent.',
  },
)

export const InteractionPath = Type.Object({
  interactionId: Identifier(text('The id of the interaction, percent-encoded.', exampleId)),
})

export const InteractionQuery = Type.Object(
  {
    page: Type.Optional(
      PageNumber({
        description: 'The page, counted from 0. Any value that is not such a number counts as 0.',
      }),
    ),
    size: Type.Optional(
      PageSize({
        description: 'Interactions per page, 1 to 2000. More counts as 2000, any other value as 20.',
      }),
    ),
    sort: Type.Optional(
      Sort({
        description:
          'Order by `property[,property…][,asc|desc][,ignorecase]`, the most significant first. Properties: id, organizationId, createdBy, createdAt, type, version. By default, newest first.',
        examples: [['createdAt,desc']],
      }),
    ),
    start: DateTime(
      text('Created at this moment or later: ISO 8601 with a zone.', '2025-01-01T00:00:00.000Z'),
    ),
    end: DateTime(
      text('Created at this moment or earlier: ISO 8601 with a zone.', '2099-12-31T23:59:59.999Z'),
    ),
    ...filters,
    organizationId: Type.Optional(
      Text(
        text(
          'Of that organization. For callers of the SERVICE role; others may name their own only.',
          exampleOrganization,
        ),
      ),
    ),
    bom: Type.Optional(
      IsTrue({
        description:
          'For CSV: `true` puts a byte order mark first, for spreadsheets. Any other value counts as absent.',
      }),
    ),
  },
  { [crossCheck]: checkRange },
)

function checkRange({ start, end }: { readonly start?: Instant; readonly end?: Instant }) {
  const isReversed = start !== undefined && end !== undefined && compareInstants(end, start) < 0
  return isReversed ? { end: 'must not be before start' } : undefined
}
