// Statements that are composed by shape: each is prepared by name once its shape is in use.
import type { CompiledQuery, Kysely } from 'kysely'
import { LRUCache } from 'lru-cache'
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
  /** how many are prepared on each connection at a time: callers can ask for any number of other shapes */
  readonly maximum: number
  compose(kysely: Kysely<Tables>, shape: Shape, values: Values): CompiledQuery<Row>
  /** Prepares a statement that runs several requests together; undefined: not for this shape. */
  prepareBatched?(shape: Shape, name: string): Run<Values, Row> | undefined
}

/** From this use on a shape has a name: shapes that are asked for once or twice displace no others. */
const namedFromUse = 3

/** Uses are counted of this many times `maximum` shapes without a name. */
const countedFactor = 8

/** No two statements ever have the same name: a connection may still have the former one. */
let lastNumber = 0

/**
 * Returns a function that runs the statement of a shape. The statements of `maximum` shapes are prepared; a further one
 * takes the place of the least recently used one.
 */
export function prepareByShape<Values extends object, Row extends QueryResultRow>(
  database: Database,
  { name, maximum, compose, prepareBatched }: ShapedStatement<Values, Row>,
): (shape: Shape, values: Values, options: RunOptions) => Promise<readonly Row[]> {
  const { kysely } = database
  const prepared = new LRUCache<string, { readonly name: string; readonly run: Run<Values, Row> }>({
    max: maximum,
    dispose: (statement) => database.discard(statement.name),
  })
  const uses = new LRUCache<string, number>({ max: countedFactor * maximum })
  const prepareAlone = (shape: Shape, numbered: string) =>
    database.prepare(numbered, (parameters: Values) => compose(kysely, shape, parameters))

  return async (shape, values, options) => {
    const { key } = shape
    const known = prepared.get(key)
    if (known !== undefined) return known.run(values, options)
    const use = (uses.get(key) ?? 0) + 1
    if (use < namedFromUse) {
      uses.set(key, use)
      return prepareAlone(shape, '')(values, options)
    }
    uses.delete(key)
    lastNumber++
    const numbered = `${name}_${lastNumber}`
    const run = prepareBatched?.(shape, numbered) ?? prepareAlone(shape, numbered)
    prepared.set(key, { name: numbered, run })
    return run(values, options)
  }
}
