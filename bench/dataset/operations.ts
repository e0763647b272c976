// The operations that are measured. All targets receive the same requests.
import {
  bigCustomer,
  bigOrganization,
  firstMoment,
  lastMoment,
  sample,
  sampleId,
  sampleOrganization,
} from './interactions.ts'

export interface BenchmarkRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly body?: string
}

export interface Operation {
  readonly name: string
  /** Makes a request to a database of `total` interactions; `draw` is a random number from 0 to 2^32 - 1. */
  request(draw: number, total: number): BenchmarkRequest
  /** whether the ceiling serves it as well */
  readonly ceiling?: boolean
}

/** Placeholder in a body: the load generator replaces it by a new UUID in each request. */
export const freshId = '{fresh id}'

const path = '/rtc-api/interactions'
const day = 86_400_000

/** Returns the parameters of a range of days that starts at a drawn second. */
function range(draw: number, days: number): string {
  const start = firstMoment + (draw % Math.floor((lastMoment - firstMoment - days * day) / 1000)) * 1000
  return `start=${new Date(start).toISOString()}&end=${new Date(start + days * day).toISOString()}`
}

/** Returns the number of an interaction of the big organization, at or after the drawn one. */
function bigNumber(draw: number, total: number): number {
  for (let number = draw % total; ; number = (number + 1) % total)
    if (sampleOrganization(number) === bigOrganization) return number
}

/** In the order of measurement: writes come last because they leave work for vacuum. */
export const operations: readonly Operation[] = [
  {
    name: 'GET by id',
    request: (draw, total) => ({ method: 'GET', path: `${path}/${sampleId(bigNumber(draw, total))}` }),
    ceiling: true,
  },
  {
    name: 'list a day',
    request: (draw) => ({ method: 'GET', path: `${path}?${range(draw, 1)}` }),
  },
  {
    name: 'list a year',
    request: (draw) => ({ method: 'GET', path: `${path}?${range(draw, 365)}` }),
  },
  {
    name: 'list a year, deep page',
    // of a million interactions, the big organization owns 166,000 in a year
    request: (draw, total) => ({
      method: 'GET',
      path: `${path}?${range(draw, 365)}&page=${Math.floor((total * 0.15) / 20) + (draw % 100)}`,
    }),
  },
  {
    name: 'list a month, three filters',
    request: (draw) => ({
      method: 'GET',
      path: `${path}?${range(draw, 30)}&type=video&recording=media&onHoldDurationGt=60000`,
    }),
  },
  {
    name: 'list a year of a customer',
    request: (draw, total) => ({
      method: 'GET',
      path: `${path}?${range(draw, 365)}&customerId=${bigCustomer(draw, total)}`,
    }),
  },
  {
    name: 'POST',
    request: (draw, total) => ({
      method: 'POST',
      path,
      // the id comes last: Lua hashes strings by their ends, and is slow with many equal ones
      body: `{"type":"video","data":${sample(draw % total, total).data},"interactionId":"${freshId}"}`,
    }),
  },
  {
    name: 'PUT',
    request: (draw, total) => ({
      method: 'PUT',
      path: `${path}/${sampleId(bigNumber(draw, total))}`,
      body: `{"data":${sample((draw + 1) % total, total).data}}`,
    }),
  },
]
