// Sends rejections at a pace that leaves time for other requests.

/** How many rejections are sent in a turn of the event loop. */
const rejectedPerTurn = 8

const rejections: (() => void)[] = []

/**
 * Sends a rejection, a few in each turn of the event loop: clients respond to one with the next request, and a flood of
 * these must leave time for others.
 */
export function rejectInTurn(reject: () => void): void {
  rejections.push(reject)
  if (rejections.length === 1) setImmediate(rejectSome)
}

function rejectSome(): void {
  for (const reject of rejections.splice(0, rejectedPerTurn)) reject()
  if (rejections.length > 0) setImmediate(rejectSome)
}
