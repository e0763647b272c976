// Statements that are composed by shape: each is prepared by name when its shape is first asked for.
import type { CompiledQuery, Kysely } from 'kysely'
import type { QueryResultRow } from 'pg'
import type { Database } from '../database/database.ts'
import type { Tables } from '../database/tables.ts'
import type { Shape } from './matching.ts'

export interface ShapedStatement<Values, Row> {
  /** of the prepared statements, before their number */
  readonly name: string
  /** how many are prepared, on each connection; callers may think of any number of others, which are not */
  readonly most: number
  compose(kysely: Kysely<Tables>, shape: Shape, values: Values): CompiledQuery<Row>
  /** see `Database.prepare`; without it, none is */
  isBrief?(shape: Shape): boolean
}

/** To be called once for a database and a name. */
export function prepareShapes<Values extends object, Row extends QueryResultRow>(
  database: Database,
  { name, most, compose, isBrief = () => false }: ShapedStatement<Values, Row>,
): (shape: Shape, values: Values) => Promise<readonly Row[]> {
  const { kysely } = database
  const prepared = new Map<string, (values: Values) => Promise<Row[]>>()
  return async (shape, values) => {
    const key = JSON.stringify(shape)
    const known = prepared.get(key)
    if (known !== undefined) return known(values)
    if (prepared.size === most) return (await kysely.executeQuery(compose(kysely, shape, values))).rows
    const statement = database.prepare(
      `${name}_${prepared.size}`,
      (parameters: Values) => compose(kysely, shape, parameters),
      { isBrief: isBrief(shape) },
    )
    prepared.set(key, statement)
    return statement(values)
  }
}
