// Statements that are composed by shape: each is prepared by name when its shape is first asked for.
import type { CompiledQuery, Kysely } from 'kysely'
import type { QueryResultRow } from 'pg'
import type { Database } from '../../database/database.ts'
import type { Tables } from '../../database/tables.ts'
import type { Shape } from './filters.ts'

type Run<Values, Row> = (values: Values) => Promise<readonly Row[]>

export interface ShapedStatement<Values, Row> {
  /** of the prepared statements, before their number */
  readonly name: string
  /** how many are prepared, on each connection; callers may think of any number of others, which are not */
  readonly most: number
  compose(kysely: Kysely<Tables>, shape: Shape, values: Values): CompiledQuery<Row>
  /** Prepares those of a shape in another way than by themselves; undefined: not this shape. */
  prepareOtherwise?(shape: Shape, name: string): Run<Values, Row> | undefined
}

/** To be called once for a database and a name. */
export function prepareShapes<Values extends object, Row extends QueryResultRow>(
  database: Database,
  { name, most, compose, prepareOtherwise }: ShapedStatement<Values, Row>,
): (shape: Shape, values: Values) => Promise<readonly Row[]> {
  const { kysely } = database
  const prepared = new Map<string, Run<Values, Row>>()
  const prepareAlone = (shape: Shape, numbered: string) =>
    database.prepare(numbered, (parameters: Values) => compose(kysely, shape, parameters))
  return async (shape, values) => {
    const key = JSON.stringify(shape)
    const known = prepared.get(key)
    if (known !== undefined) return known(values)
    if (prepared.size === most) return (await kysely.executeQuery(compose(kysely, shape, values))).rows
    const numbered = `${name}_${prepared.size}`
    const run = prepareOtherwise?.(shape, numbered) ?? prepareAlone(shape, numbered)
    prepared.set(key, run)
    return run(values)
  }
}
