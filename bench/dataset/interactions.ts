// The interactions of the benchmark, computed from their number alone: all targets store the same ones.
import { createHash } from 'node:crypto'

const organizations = 200
const types = ['audio', 'video', 'chat', 'cobrowse']

/** The range of creation dates: two years, end excluded. */
export const firstMoment = Date.parse('2024-01-01T00:00:00Z')
export const lastMoment = Date.parse('2026-01-01T00:00:00Z')

/** The organization that owns a third of all interactions. */
export const bigOrganization = 'organization-0'

/** How many interactions share a customer, on average. */
const interactionsPerCustomer = 20

export interface Sample {
  readonly id: string
  readonly organizationId: string
  readonly createdBy: string
  readonly createdAt: Date
  readonly type: string
  /** JSON text of about 500 bytes, in the shape of a real call's data */
  readonly data: string
}

/** Returns the id of an interaction: a UUID that does not depend on the creation date. */
export function sampleId(number: number): string {
  const hex = createHash('md5').update(`interaction ${number}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
}

/** Returns a number from 0 to `below` - 1, the same for the same arguments. */
function pick(number: number, word: string, below: number): number {
  return createHash('md5').update(`${word} ${number}`).digest().readUInt32LE() % below
}

export function sampleOrganization(number: number): string {
  const draw = pick(number, 'organization', 3 * (organizations - 1))
  return draw < organizations - 1 ? bigOrganization : `organization-${1 + (draw % (organizations - 1))}`
}

/** Returns a customer id that occurs among `total` interactions. */
export function bigCustomer(draw: number, total: number): string {
  return `customer-${draw % Math.ceil(total / interactionsPerCustomer)}`
}

/** Returns the interaction of a number from 0 to `total` - 1, in the order of creation. */
export function sample(number: number, total: number): Sample {
  const createdAt = new Date(firstMoment + Math.floor(((lastMoment - firstMoment) * number) / total))
  const id = sampleId(number)
  const data = {
    callStartAt: createdAt.toISOString().replace('Z', '123Z'),
    callDestination: `queue-${pick(number, 'queue', 40)}`,
    callOrigin: `https://shop.example/checkout/${pick(number, 'origin', 100_000)}`,
    callOriginMode: 'website',
    customerId: `customer-${pick(number, 'customer', Math.ceil(total / interactionsPerCustomer))}`,
    customerMetadata: { segment: `segment-${pick(number, 'segment', 12)}`, language: 'el', returning: true },
    integrationInteractionAvailable: false,
    roomName: `room-${id}`,
    recorderId: pick(number, 'recorder', 2) === 0 ? `recorder-${id}` : '',
    recorderInstanceId: `instance-${pick(number, 'instance', 1000)}`,
    tags: ['vip', 'callback', 'complaint', 'sales'].filter((tag) => pick(number, tag, 4) === 0),
    onHoldDuration: pick(number, 'hold', 120_000),
  }
  return {
    id,
    organizationId: sampleOrganization(number),
    createdBy: `agent-${pick(number, 'agent', 500)}`,
    createdAt,
    type: types[pick(number, 'type', types.length)] ?? 'audio',
    data: JSON.stringify(data),
  }
}
