// Applies the settings of sessions in each transaction: a pooler may run each one in another session.
import { type ClientBase, Query, type QueryConfig, type ResultBuilder } from 'pg'
import type { SessionSettings } from './session.ts'

/** The name of the prepared statement that applies the settings until the end of a transaction. */
export const settingStatement = 'apply_settings'

type Callback = (failure: Error | undefined, result: ResultBuilder) => void

/**
 * Makes a new client put the settings in front of each statement. Both are sent together, and PostgreSQL runs them in one
 * transaction. Inside a transaction the settings of its first statement apply.
 * @param timeoutMs how long preparing may take, in milliseconds
 */
export async function applyInTransactions(
  settings: SessionSettings,
  client: ClientBase,
  timeoutMs: number,
): Promise<void> {
  const calls = Object.entries(settings).map(([name, value]) => `set_config('${name}', '${value}', true)`)
  const text = `select where num_nulls(${calls.join(', ')}) > 0`
  const prepared = { name: settingStatement, text, query_timeout: timeoutMs }
  await client.query(prepared)
  const send = client.query.bind(client)
  Object.assign(client, {
    /** Has the forms of pg's method that take no Submittable. */
    query(statement: string | QueryConfig, values?: unknown[] | Callback, callback?: Callback) {
      const parameters = typeof values === 'function' ? undefined : values
      const done = typeof values === 'function' ? values : callback
      const sendTo = (onEnd: Callback) => {
        const query = new Query(statement, parameters, (failure, result) => onEnd(failure, lastOf(result)))
        if (client.getTransactionStatus() === 'I') putSettingsBefore(query)
        send(query)
      }
      if (done !== undefined) return sendTo(done)
      return new Promise<ResultBuilder>((resolve, reject) => {
        sendTo((failure, result) => (failure ? reject(failure) : resolve(result)))
      })
    },
  })
}

function putSettingsBefore(query: Query): void {
  const { submit } = query
  query.submit = (connection) => {
    // one write for both
    connection.stream.cork()
    connection.bind({ statement: settingStatement }, true)
    connection.execute(null, true)
    const failure = submit.call(query, connection)
    connection.stream.uncork()
    return failure
  }
}

/** Returns the result of the statement; pg passes an array when there is also that of the settings. */
function lastOf(result: ResultBuilder): ResultBuilder {
  return [result].flat().at(-1) ?? result
}
