// Messages of the PostgreSQL protocol (PostgreSQL documentation, chapter 54), for proxies in tests.

/** Returns a function that splits a stream into messages. @param startsUntyped whether the first has no type, as a client's */
export function messages({
  startsUntyped,
}: {
  startsUntyped: boolean
}): (chunk: Buffer) => Generator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let typeBytes = startsUntyped ? 0 : 1
  return function* (chunk) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= typeBytes + 4) {
      const end = typeBytes + rest.readInt32BE(typeBytes)
      if (rest.length < end) return
      const message = rest.subarray(0, end)
      rest = rest.subarray(end)
      typeBytes = 1
      yield message
    }
  }
}

/** Returns a message of a type, one letter. */
export function message(type: string, ...parts: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** Returns the type of a message that has one. */
export const typeOf = (given: Buffer) => String.fromCharCode(given[0] ?? 0)

/** A message that names or holds a statement: a query, or the parsing or binding of a prepared statement. */
export interface StatementMessage {
  readonly type: 'query' | 'parse' | 'bind'
  /** the name of the prepared statement */
  readonly name: string
  /** empty when it is bound */
  readonly text: string
  /** Returns the message with another text; when it is bound, with another name. */
  replace(text: string): Buffer
}

/** Reads a message of a client; undefined when it is about no statement. */
export function readStatement(given: Buffer): StatementMessage | undefined {
  const type = typeOf(given)
  const ends = (start: number) => given.indexOf(0, start)
  const read = (start: number) => given.toString('utf8', start, ends(start))
  const replaceAt = (start: number) => (text: string) =>
    message(type, given.subarray(5, start), text, given.subarray(ends(start)))
  const second = ends(5) + 1
  switch (type) {
    case 'Q':
      return { type: 'query', name: '', text: read(5), replace: replaceAt(5) }
    case 'P':
      return { type: 'parse', name: read(5), text: read(second), replace: replaceAt(second) }
    case 'B':
      return { type: 'bind', name: read(second), text: '', replace: replaceAt(second) }
  }
  return undefined
}

/** Returns an error as the server sends it. */
export function errorResponse(code: string, text: string): Buffer {
  const fields = { S: 'ERROR', V: 'ERROR', C: code, M: text }
  return message('E', ...Object.entries(fields).map(([name, value]) => `${name}${value}\0`), '\0')
}
