// The shapes of the reimplemented document, named as it names them. They describe; what reads a request is commands.ts
// and criteria.ts, since JSON Schema knows neither Spring's leniency nor numbers of more than 53 bits.
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { identifierLength } from '../types/identifier.ts'

export const text = (description: string, example: string) => ({ description, examples: [example] })

const Data = (description: string) =>
  Type.Object(
    {},
    {
      additionalProperties: true,
      description,
      examples: [{ customerId: 'c-1042', roomName: 'room-7', tags: ['vip'], onHoldDuration: 1500 }],
    },
  )

const Version = (description: string) =>
  Type.Integer({ format: 'int64', minimum: 0, description, examples: [0] })

export const Identifier = (description: string, example: string) =>
  Type.String({
    minLength: identifierLength.minimum,
    maxLength: identifierLength.maximum,
    ...text(description, example),
  })

/** The organization of the demo clients, so that examples work with either of them. */
export const exampleOrganization = 'demo-organization'

export const exampleId = '0199a6c4-7f1e-7c2a-9d53-2f6f1b0c8e11'

export const Interaction = Type.Object(
  {
    id: Identifier('Names the interaction; unique across all organizations.', exampleId),
    organizationId: Identifier('The organization that the interaction belongs to.', exampleOrganization),
    createdBy: Identifier('The user or client that created it: the subject of its token.', 'agent-7'),
    createdAt: Type.String({
      format: 'date-time',
      ...text(
        'When it was created, by the clock of the database: UTC, milliseconds.',
        '2025-01-20T22:00:00.928Z',
      ),
    }),
    type: Type.Optional(Identifier('What kind of interaction it is; left out when none was given.', 'video')),
    data: Data('The free-form data, exactly as it was given.'),
    version: Version('How many times it was updated; see the update operation.'),
  },
  { $id: 'Interaction', description: 'The record of one interaction with a customer.' },
)

export const CreateInteractionWebCommand = Type.Object(
  {
    interactionId: Type.Optional(
      Identifier(
        'An id of your own, such as that of the conversation elsewhere. Without one, a UUID is made.',
        exampleId,
      ),
    ),
    type: Type.Optional(
      Identifier(
        'What kind of interaction it is: `audio`, `video`, `chat`, `cobrowse` or your own.',
        'video',
      ),
    ),
    data: Type.Optional(
      Data('Anything worth keeping. Some of its members can be searched by: see the list operation.'),
    ),
    organizationId: Type.Optional(
      Identifier(
        'The organization to create it in. Callers of the SERVICE role must give it; for others it has no effect.',
        exampleOrganization,
      ),
    ),
  },
  {
    $id: 'CreateInteractionWebCommand',
    description: 'What to create. A member that is null counts as left out.',
  },
)

export const CreateInteractionResponse = Type.Object(
  {
    interactionId: Identifier('The id under which the interaction can be read.', exampleId),
    version: Version('Always 0: it has not been updated yet.'),
  },
  { $id: 'CreateInteractionResponse', description: 'What was created.' },
)

export const UpdateInteractionWebCommand = Type.Object(
  {
    type: Type.Optional(Identifier('The new type; left out, the type stays.', 'video')),
    data: Type.Optional(Data('The new data, in place of all the old; left out, the data stay.')),
    version: Type.Optional(
      Version(
        'The version that you have read. If it is not the current one any more, nothing is changed. Left out, nothing is compared.',
      ),
    ),
  },
  {
    $id: 'UpdateInteractionWebCommand',
    description: 'What to change. A member that is null counts as left out.',
  },
)

const int32 = (description: string, example: number) =>
  Type.Integer({ format: 'int32', minimum: 0, description, examples: [example] })
const int64 = (description: string, example: number) =>
  Type.Integer({ format: 'int64', minimum: 0, description, examples: [example] })
const flag = (description: string, example: boolean) => Type.Boolean({ description, examples: [example] })

export const SortObject = Type.Object(
  {
    empty: flag('Whether the request asked for no order.', true),
    sorted: flag('Whether the request asked for an order.', false),
    unsorted: flag('The same as `empty`.', true),
  },
  { $id: 'SortObject', description: 'Whether the request asked for an order.' },
)

const reference = <Schema extends TSchema>(schema: Schema) =>
  Type.Unsafe<Static<Schema>>(Type.Ref(`${schema.$id}#`))

export const PageableObject = Type.Object(
  {
    offset: int64('How many interactions stand on the pages before.', 0),
    sort: reference(SortObject),
    pageSize: int32('How many interactions a full page holds.', 20),
    paged: flag('Always true.', true),
    pageNumber: int32('Which page this is, counted from 0.', 0),
    unpaged: flag('Always false.', false),
  },
  { $id: 'PageableObject', description: 'Which page was asked for.' },
)

export const PageInteraction = Type.Object(
  {
    totalPages: int32('How many pages there are.', 1),
    totalElements: int64('How many interactions match, on all pages: exact.', 1),
    size: int32('How many interactions a full page holds.', 20),
    content: Type.Array(reference(Interaction), { description: 'The interactions on this page.' }),
    number: int32('Which page this is, counted from 0.', 0),
    sort: reference(SortObject),
    numberOfElements: int32('How many interactions stand on this page.', 1),
    pageable: reference(PageableObject),
    first: flag('Whether this is the first page.', true),
    last: flag('Whether no page follows.', true),
    empty: flag('Whether this page holds nothing.', false),
  },
  { $id: 'PageInteraction', description: 'One page of the interactions that match.' },
)

/** Every component, to be registered under its name. */
export const interactionComponents: readonly TSchema[] = [
  Interaction,
  CreateInteractionWebCommand,
  CreateInteractionResponse,
  UpdateInteractionWebCommand,
  SortObject,
  PageableObject,
  PageInteraction,
]
