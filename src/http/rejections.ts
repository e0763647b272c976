// Sends rejections at a pace that leaves time for other requests.

/** How many rejections are sent in a turn of the event loop. */
const rejectedPerTurn = 8

/** Reading and dropping so many bytes of a rejected body takes about as long as sending a rejection. */
const bytesPerRejection = 131_072

interface Rejection {
  readonly send: () => void
  /** how many others it takes the time of, and its own */
  readonly weight: number
}

const rejections: Rejection[] = []
let isScheduled = false

/**
 * Sends a rejection, a few in each turn of the event loop: clients respond to one with the next request, and a flood of
 * these must leave time for others.
 * @param restBytes how much of the request's body is still to be read and dropped
 */
export function rejectInTurn(send: () => void, restBytes = 0): void {
  rejections.push({ send, weight: 1 + restBytes / bytesPerRejection })
  schedule()
}

function schedule(): void {
  if (!isScheduled) setImmediate(rejectSome)
  isScheduled = true
}

function rejectSome(): void {
  isScheduled = false
  for (let weight = 0; weight < rejectedPerTurn; ) {
    const next = rejections.shift()
    if (next === undefined) return
    weight += next.weight
    next.send()
  }
  if (rejections.length > 0) schedule()
}
