// Reads a file of any size line by line, as bytes: decoding would hide invalid UTF-8.

export interface Line {
  /** the line without its line feed */
  readonly bytes: Buffer
  /** whether the line ends with a line feed; only the last one may lack it */
  readonly isEnded: boolean
}

/** In bytes. Larger than any interaction: request bodies are limited to 256 MiB. */
const longestLine = 300_000_000

/**
 * Returns the lines of a stream.
 * @throws Error when a line is longer than any interaction can be
 */
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
