// What the path, the query and the headers of a request may hold; the first two as the reimplemented document names them.
import { Type } from '@sinclair/typebox'
import { exampleId, exampleOrganization, Identifier, text } from './schemas.ts'

export const InteractionPath = Type.Object({
  interactionId: Identifier('The id of the interaction, percent-encoded.', exampleId),
})

/** Without an example, which the page would fill in: it would not go with the interaction at hand. */
const header = (description: string) => Type.Optional(Type.String({ description }))

export const CreationHeaders = Type.Object({
  'Idempotency-Key': header(
    'A string of your own, such as a UUID, of 1 to 255 characters, which makes it safe to send a creation without `interactionId` again: within 24 hours the same key with the same body gets the same answer, and nothing more is created. With another body it is refused. Keys are apart by organization and user.',
  ),
})

export const ReadHeaders = Type.Object({
  'If-None-Match': header(
    'Entity tags that you have, such as `"3"`: when one of them is the current one, the answer is 304.',
  ),
})

export const UpdateHeaders = Type.Object({
  'If-Match': header(
    'Entity tags, such as `"3"`, or `*`: when the current one is not among them, the answer is 412 and nothing is changed. It is the same comparison as that of `version`; when both are given, both must hold.',
  ),
})

const filter = (description: string, example: string) =>
  Type.Optional(Type.String(text(description, example)))

export const InteractionQuery = Type.Object({
  page: Type.Optional(
    Type.Integer({
      default: 0,
      minimum: 0,
      description: 'Which page, counted from 0. What is no such number counts as 0.',
    }),
  ),
  size: Type.Optional(
    Type.Integer({
      default: 20,
      minimum: 1,
      maximum: 2000,
      description: 'How many interactions a page holds. Above 2000 counts as 2000, anything else as 20.',
    }),
  ),
  sort: Type.Optional(
    Type.Array(Type.String(), {
      description:
        'Order by `property[,property…][,asc|desc][,ignorecase]`, the first given first. Properties: id, organizationId, createdBy, createdAt, type, version. Without it, newest first.',
      examples: [['createdAt,desc']],
    }),
  ),
  start: Type.String({
    format: 'date-time',
    ...text('Created then or later: ISO 8601 with a zone.', '2025-01-01T00:00:00.000Z'),
  }),
  end: Type.String({
    format: 'date-time',
    ...text('Created then or earlier: ISO 8601 with a zone.', '2099-12-31T23:59:59.999Z'),
  }),
  type: filter(
    'Of any of these types: `audio`, `video`, `chat`, `cobrowse` or your own, separated by commas.',
    'audio,video',
  ),
  userId: filter('Created by that user.', 'agent-7'),
  recording: filter(
    'With all of these, separated by commas: `media`, `no_media`, `cobrowse`, `no_cobrowse`.',
    'media',
  ),
  customerId: filter('With that `customerId` in its data.', 'c-1042'),
  conferenceId: filter('With that `conferenceId`, or without one that `roomName`, in its data.', 'room-7'),
  tags: filter('With any of these among the `tags` in its data, separated by commas.', 'vip,callback'),
  onHoldDurationGt: filter('With an `onHoldDuration` in its data above this, in milliseconds.', '1000'),
  onHoldDurationLt: filter('With an `onHoldDuration` in its data below this, in milliseconds.', '60000'),
  organizationId: filter(
    'Of that organization. Callers of the SERVICE role only; others may name their own.',
    exampleOrganization,
  ),
})
