// What is measured: for each operation, requests that differ from one another, the same for every target.
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
  /** a request among a database of `total` interactions; `draw` is a random number from 0 to 2^32 - 1 */
  request(draw: number, total: number): BenchmarkRequest
  /** how many times the baseline's throughput it has to reach */
  readonly factor: number
  /** how long the baseline is measured, where it takes long for a single answer */
  readonly baselineSeconds?: number
  /** whether the ceiling answers it, too */
  readonly ceiling?: boolean
}

/** Stands in a body for a UUID that is made when it is sent. */
export const freshId = '{fresh id}'

const path = '/rtc-api/interactions'
const day = 86_400_000

/** A range of so many days, whose start depends on the draw to the second. */
function range(draw: number, days: number): string {
  const start = firstMoment + (draw % Math.floor((lastMoment - firstMoment - days * day) / 1000)) * 1000
  return `start=${new Date(start).toISOString()}&end=${new Date(start + days * day).toISOString()}`
}

/** The number of an interaction of the big organization near the drawn one. */
function bigNumber(draw: number, total: number): number {
  for (let number = draw % total; ; number = (number + 1) % total)
    if (sampleOrganization(number) === bigOrganization) return number
}

/** In the order in which they are measured: what writes comes last, since it leaves work behind. */
export const operations: readonly Operation[] = [
  {
    name: 'GET by id',
    request: (draw, total) => ({ method: 'GET', path: `${path}/${sampleId(bigNumber(draw, total))}` }),
    factor: 4,
    ceiling: true,
  },
  {
    name: 'list a day',
    request: (draw) => ({ method: 'GET', path: `${path}?${range(draw, 1)}` }),
    factor: 3,
  },
  {
    name: 'list a year',
    request: (draw) => ({ method: 'GET', path: `${path}?${range(draw, 365)}` }),
    factor: 10,
  },
  {
    name: 'list a year, deep page',
    // with a million interactions, the big organization has 166,000 in a year
    request: (draw, total) => ({
      method: 'GET',
      path: `${path}?${range(draw, 365)}&page=${Math.floor((total * 0.15) / 20) + (draw % 100)}`,
    }),
    factor: 60,
  },
  {
    name: 'list a month, three filters',
    request: (draw) => ({
      method: 'GET',
      path: `${path}?${range(draw, 30)}&type=video&recording=media&onHoldDurationGt=60000`,
    }),
    factor: 5,
  },
  {
    name: 'list a year of a customer',
    request: (draw, total) => ({
      method: 'GET',
      path: `${path}?${range(draw, 365)}&customerId=${bigCustomer(draw, total)}`,
    }),
    factor: 500,
    baselineSeconds: 20,
  },
  {
    name: 'POST',
    request: (draw, total) => ({
      method: 'POST',
      path,
      // the id comes last: wrk's Lua takes long over many strings that are alike at their ends
      body: `{"type":"video","data":${sample(draw % total, total).data},"interactionId":"${freshId}"}`,
    }),
    factor: 2.5,
  },
  {
    name: 'PUT',
    request: (draw, total) => ({
      method: 'PUT',
      path: `${path}/${sampleId(bigNumber(draw, total))}`,
      body: `{"data":${sample((draw + 1) % total, total).data}}`,
    }),
    factor: 2,
  },
]
