// Realistic interactions, each computed from a seed and its number: the same seed gives the same interactions.
import { createHash } from 'node:crypto'

/** An interaction to be stored. */
export interface Sample {
  readonly id: string
  readonly createdBy: string
  /** Time between its creation and the end of the sampled days, in milliseconds. */
  readonly age: number
  readonly type: string
  /** JSON text of an object. */
  readonly data: string
}

/** Number of days over which samples are spread. */
export const sampledDays = 30

const types = ['audio', 'audio', 'audio', 'video', 'video', 'chat', 'chat', 'cobrowse'] as const
const tags = ['vip', 'callback', 'complaint', 'sales', 'billing', 'new-customer']
const queues = ['sales', 'support', 'billing', 'retention'] as const
const languages = ['el', 'en', 'de'] as const

/** Returns the sample with a number. Its id is unique to the seed, the organization and the number. */
export function sample(seed: number, organizationId: string, number: number): Sample {
  const draw = drawer(`${seed}/${organizationId}/${number}`)
  const id = toUuid(digest(`id/${seed}/${organizationId}/${number}`))
  const type = draw.one(types)
  const hasMedia = type === 'audio' || type === 'video'
  const data = {
    customerId: `customer-${draw.below(200)}`,
    roomName: `room-${id}`,
    callDestination: draw.one(queues),
    customerMetadata: { language: draw.one(languages), returning: draw.below(3) > 0 },
    ...(hasMedia && draw.below(2) === 0 ? { recorderId: `recorder-${id}` } : {}),
    ...(type === 'cobrowse' && draw.below(2) === 0 ? { cobrowseRecorderId: `cobrowse-recorder-${id}` } : {}),
    tags: tags.filter(() => draw.below(5) === 0),
    ...(hasMedia ? { onHoldDuration: draw.below(180_000) } : {}),
  }
  return {
    id,
    createdBy: `agent-${draw.below(20)}`,
    age: draw.below(sampledDays * 86_400_000),
    type,
    data: JSON.stringify(data),
  }
}

/** Returns a generator of pseudo-random choices that depend only on the word and on the number of choices so far. */
function drawer(word: string) {
  let drawn = 0
  const below = (limit: number) => digest(`${drawn++}/${word}`).readUInt32LE() % limit
  return {
    below,
    one: <Item>(items: readonly [Item, ...Item[]]): Item => items[below(items.length)] ?? items[0],
  }
}

function digest(word: string): Buffer {
  return createHash('sha256').update(word).digest()
}

/** Formats bytes as a UUID of version 8, which leaves all other bits free (RFC 9562 §5.8). */
function toUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
