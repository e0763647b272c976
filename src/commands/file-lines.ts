// Reads a file line by line, of any size, as bytes: what is no UTF-8 stays what it is.

export interface Line {
  /** without the line feed */
  readonly bytes: Buffer
  /** whether it has a line feed; only the last line may have none */
  readonly isEnded: boolean
}

/** No interaction is longer: bodies have at most 256 MiB. */
const longestLine = 300_000_000

/** @throws Error when a line is longer than any could be */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let length = 0
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      yield { bytes: Buffer.concat([...parts, chunk.subarray(start, end)]), isEnded: true }
      parts = []
      length = 0
      start = end + 1
    }
    if (start < chunk.length) parts.push(chunk.subarray(start))
    length += chunk.length - start
    if (length > longestLine) throw new Error('a line is longer than any interaction')
  }
  if (length > 0) yield { bytes: Buffer.concat(parts), isEnded: false }
}
