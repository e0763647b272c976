// What the path and the query of a request may hold, as the reimplemented document names it.
import { Type } from '@sinclair/typebox'
import { exampleId, exampleOrganization, Identifier, text } from './schema.ts'

export const InteractionPath = Type.Object({
  interactionId: Identifier('The id of the interaction, percent-encoded.', exampleId),
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
