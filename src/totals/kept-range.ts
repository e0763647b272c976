// What the search asks of the kept totals, in SQL: how many interactions a range holds, and where a page of it begins.
import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'

/** A range of creation dates, in one organization or across all. Its members may be parameters. */
export interface Range {
  /** timestamps in whole milliseconds, both inclusive */
  readonly from: Expression<unknown>
  readonly to: Expression<unknown>
  /** undefined: all organizations */
  readonly organizationId: Expression<unknown> | undefined
  /** true of the interactions of the organization, in a form that leads to their index by date */
  readonly belongs: Expression<SqlBool>
}

/**
 * Common table expressions that end in `kept`, which has one row about the range: `newer` and `older` were counted at
 * its two ends, and `between` is what is kept of the whole hours from `first` to before `last`. Together they are the
 * exact number of the range, in the snapshot of the statement.
 */
export function keptRange({ from, to, organizationId, belongs }: Range): RawBuilder<unknown> {
  const count = (edge: RawBuilder<unknown>) => sql`
    (select count(*) from interactions
     where ${belongs} and created_at >= ${from}::timestamptz and created_at <= ${to}::timestamptz and ${edge})`
  const [first, last] = [bound('first'), bound('last')]
  // materialized, so that nothing is evaluated as often as it is named
  return sql`
    bounds as materialized (
      select first,
        greatest(first, least(
          date_trunc('hour', ${to}::timestamptz + interval '1 millisecond'),
          (select counted_until from interaction_totals_state)
        )) as last
      from (
        select date_trunc('hour', ${from}::timestamptz + interval '1 hour' - interval '1 millisecond') as first
        offset 0
      ) as start
    ),
    kept as materialized (
      select first, last, before_first, changes,
        ${count(sql`created_at >= ${last}`)} as newer,
        ${count(sql`created_at < ${first}`)} as older,
        months - before_first + before_last + coalesce(changes, 0) as between
      from (
        select first, last,
          (
            select coalesce(sum(interactions), 0)::bigint from interaction_totals
            where ${ofUnit(organizationId, 'month')}
              and start >= date_trunc('month', ${first}) and start < date_trunc('month', ${last})
          ) as months,
          ${sinceMonth(organizationId, first)} as before_first,
          ${sinceMonth(organizationId, last)} as before_last,
          (
            select sum(change)::bigint from interaction_total_changes
            where hour >= ${first} and hour < ${last}
              and ${organizationId === undefined ? sql`true` : sql`organization_id = ${organizationId}`}
          ) as changes
        from bounds
        offset 0
      ) as parts
    )`
}

/**
 * Common table expressions that end in `start`, which has one row about the row of that number (from 0, in order of
 * date) in the range of `kept`: it is found `skip` rows behind the first one that is not beyond `bound`, a date in
 * whole milliseconds. Where the totals cannot tell, since it lies at an end or there are changes aside, `skip` is the
 * number, and `bound` beyond all.
 */
export function keptStart(
  organizationId: Range['organizationId'],
  number: Expression<unknown>,
  direction: 'asc' | 'desc',
): RawBuilder<unknown> {
  const isNewestFirst = direction === 'desc'
  const aside = isNewestFirst ? sql`newer` : sql`older`
  return sql`
    wanted_row as materialized (
      select date_trunc('month', first) as first_month, date_trunc('month', last) as last_month,
        before_first + ${
          isNewestFirst ? sql`between - 1 - (${number}::bigint - newer)` : sql`${number}::bigint - older`
        } as rank
      from kept
      where changes is null and ${number}::bigint >= ${aside} and ${number}::bigint < ${aside} + between
    ),
    wanted_month as materialized (
      select start, rank - before as rank, parts
      from (
        select start, parts, rank, interactions, sum(interactions) over (order by start)::bigint - interactions as before
        from wanted_row
        join interaction_totals on ${ofUnit(organizationId, 'month')} and start >= first_month and start <= last_month
      ) as months
      where rank >= before and rank < before + interactions and isfinite(start)
    ),
    wanted_day as materialized (
      select start + (part - 1) * interval '1 day' as start, rank - before as rank
      from wanted_month, ${partsOf('wanted_month')}
      where rank >= before and rank < before + interactions
    ),
    wanted_hour as materialized (
      select start + part * interval '1 hour' as ends, interactions, rank - before as rank
      from (
        select totals.start, totals.parts, wanted_day.rank
        from wanted_day
        join interaction_totals as totals on ${ofUnit(organizationId, 'day', 'totals')} and totals.start = wanted_day.start
      ) as day, ${partsOf('day')}
      where rank >= before and rank < before + interactions
    ),
    start as materialized (
      ${
        isNewestFirst
          ? sql`select ends - interval '1 millisecond' as bound, interactions - 1 - rank as skip`
          : sql`select ends - interval '1 hour' as bound, rank as skip`
      }
      from wanted_hour
      union all
      select ${isNewestFirst ? sql`'infinity'` : sql`'-infinity'`}, ${number}::bigint
      where not exists (select from wanted_hour)
    )`
}

/** How many there are from the beginning of the month of a full hour until that hour. */
function sinceMonth(organizationId: Range['organizationId'], hour: RawBuilder<unknown>): RawBuilder<unknown> {
  const sum = (unit: 'day' | 'month', count: RawBuilder<unknown>) => sql`
    coalesce((
      select (select sum(part) from unnest(parts[:${count}::integer]) as part) from interaction_totals
      where ${ofUnit(organizationId, unit)} and start = date_trunc(${sql.lit(unit)}, ${hour})
    ), 0)`
  return sql`(${sum('month', sql`extract(day from ${hour}) - 1`)} + ${sum('day', sql`extract(hour from ${hour})`)})`
}

/** The parts of a table's row by number, each with the sum of those before it. */
function partsOf(table: string): RawBuilder<unknown> {
  return sql`lateral (
    select part, interactions, sum(interactions) over (order by part) - interactions as before
    from unnest(${sql.ref(`${table}.parts`)}) with ordinality as parts (interactions, part)
  ) as parts`
}

/** A bound of the range, to be compared with in an index. */
const bound = (name: 'first' | 'last') => sql`(select ${sql.ref(name)} from bounds)`

function ofUnit(
  organizationId: Range['organizationId'],
  unit: 'day' | 'month',
  table = 'interaction_totals',
) {
  const column = sql.ref(`${table}.organization_id`)
  const isOwn = organizationId === undefined ? sql`${column} is null` : sql`${column} = ${organizationId}`
  return sql`${isOwn} and ${sql.ref(`${table}.unit`)} = ${sql.lit(unit)}`
}
