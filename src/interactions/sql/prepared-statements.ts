// Statements that are composed by shape: each is prepared by name when its shape is first used.
import type { CompiledQuery, Kysely } from 'kysely'
import type { QueryResultRow } from 'pg'
import type { Database } from '../../database/database.ts'
import type { StatementLimits } from '../../database/pool.ts'
import type { Tables } from '../../database/tables.ts'
import type { Shape } from './matching.ts'

/** How a statement runs. */
export interface RunOptions extends StatementLimits {
  /** whose turn it takes among statements that run together */
  readonly holder: string
}

type Run<Values, Row> = (values: Values, options: RunOptions) => Promise<readonly Row[]>

export interface ShapedStatement<Values, Row> {
  /** the prefix of the names of the prepared statements; unique in the service */
  readonly name: string
  /** how many are prepared on each connection: callers can ask for any number of other shapes */
  readonly maximum: number
  compose(kysely: Kysely<Tables>, shape: Shape, values: Values): CompiledQuery<Row>
  /** Prepares a statement that runs several requests together; undefined: not for this shape. */
  prepareBatched?(shape: Shape, name: string): Run<Values, Row> | undefined
}

/** Returns a function that runs the statement of a shape. */
export function prepareByShape<Values extends object, Row extends QueryResultRow>(
  database: Database,
  { name, maximum, compose, prepareBatched }: ShapedStatement<Values, Row>,
): (shape: Shape, values: Values, options: RunOptions) => Promise<readonly Row[]> {
  const { kysely } = database
  const prepared = new Map<string, Run<Values, Row>>()
  const prepareAlone = (shape: Shape, numbered: string) =>
    database.prepare(numbered, (parameters: Values) => compose(kysely, shape, parameters))
  return async (shape, values, options) => {
    const key = JSON.stringify(shape)
    const known = prepared.get(key)
    if (known !== undefined) return known(values, options)
    // the name of no prepared statement
    if (prepared.size === maximum) return prepareAlone(shape, '')(values, options)
    const numbered = `${name}_${prepared.size}`
    const run = prepareBatched?.(shape, numbered) ?? prepareAlone(shape, numbered)
    prepared.set(key, run)
    return run(values, options)
  }
}
