// The names of prepared statements: each connection frees those that are no longer in use.
import type { PoolClient, QueryConfig } from 'pg'
import { settingStatement } from './transaction-settings.ts'

export interface StatementNames {
  /** Takes a name into use. */
  add(name: string): void
  /** Takes a name out of use for good. Each connection frees the statement before its next one. */
  discard(name: string): void
  /**
   * Frees discarded statements on the client, which must be about to send the given one.
   * @returns the statement; without its name if that has been discarded in the meantime
   */
  toSend(client: PoolClient, statement: QueryConfig): QueryConfig
}

export function trackStatementNames(): StatementNames {
  const inUse = new Set([settingStatement])
  let discards = 0
  /** the value of `discards` when a client last freed its statements */
  const freedAt = new WeakMap<PoolClient, number>()

  const free = (client: PoolClient) => {
    freedAt.set(client, discards)
    // pg prepares a statement again unless its name is here
    const parsed: unknown = Reflect.get(client.connection, 'parsedStatements')
    if (typeof parsed !== 'object' || parsed === null) return
    for (const name of Object.keys(parsed)) {
      if (inUse.has(name)) continue
      Reflect.deleteProperty(parsed, name)
      // PostgreSQL answers it together with the next statement, and it cannot fail
      client.connection.close({ type: 'S', name }, true)
    }
  }

  return {
    add: (name) => void inUse.add(name),
    discard(name) {
      if (inUse.delete(name)) discards++
    },
    toSend(client, statement) {
      if (discards > 0 && freedAt.get(client) !== discards) free(client)
      const { name = '' } = statement
      return name === '' || inUse.has(name) ? statement : { ...statement, name: '' }
    },
  }
}

/** Adds a comment that differs each time, and takes the name away: under it, each text would have to be prepared anew. */
export function withComment(
  statement: QueryConfig,
  commentOn: ((text: string) => string) | undefined,
): QueryConfig {
  const text = commentOn?.(statement.text) ?? statement.text
  return text === statement.text ? statement : { ...statement, text, name: '' }
}
