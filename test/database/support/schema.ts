// The schema of a database as text, to compare two databases as `pg_dump --schema-only` would.
import { type Kysely, sql } from 'kysely'
import type { Tables } from '../../../src/database/tables.ts'

/**
 * Describes every table, column, constraint, index, trigger and function of the schema `public`, one line each; columns
 * by their position. Comments inside of function bodies are left out.
 */
export async function describeSchema(kysely: Kysely<Tables>): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`
    with tables as (select * from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace)
    select concat_ws(' ', 'table', relname, relpersistence, relreplident, relrowsecurity, reloptions, relacl) as line
    from tables
    union all
    select concat_ws(' ', 'column', relname, attnum, attname, format_type(atttypid, atttypmod), collname,
      case when attnotnull then 'not null' end, nullif(attgenerated, ''), nullif(attidentity, ''), attstorage,
      pg_get_expr(adbin, adrelid))
    from pg_attribute
    join tables on attrelid = tables.oid
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    left join pg_collation on attcollation = pg_collation.oid
    where attnum > 0 and not attisdropped
    union all
    select concat_ws(' ', 'constraint', relname, conname, pg_get_constraintdef(pg_constraint.oid))
    from pg_constraint join tables on conrelid = tables.oid
    union all
    select concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid, indisclustered)
    from pg_index join tables on indrelid = tables.oid
    union all
    select concat_ws(' ', 'trigger', tgenabled, pg_get_triggerdef(pg_trigger.oid))
    from pg_trigger join tables on tgrelid = tables.oid
    union all
    select concat_ws(' ', 'function', regexp_replace(pg_get_functiondef(oid), '\\n\\s*--[^\\n]*', '', 'g'), proacl)
    from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select concat_ws(' ', 'other', relkind, relname)
    from pg_class where relnamespace = 'public'::regnamespace and relkind not in ('r', 'i')
    order by line`.execute(kysely)
  return rows.map(({ line }) => line)
}
