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
 * One row about a range: `newer` and `older` were counted at its two ends, and `between` is what is kept of the whole
 * hours from `first` to before `last`. Together they are the exact number of the range, in the snapshot of the
 * statement. `settled`: whether the totals have each hour, with no changes aside.
 */
export function keptRange({ from, to, organizationId, belongs }: Range): RawBuilder<unknown> {
  const count = (lower: RawBuilder<unknown>, upper: RawBuilder<unknown>) => sql`
    (select count(*) from interactions
     where ${belongs} and created_at >= ${from}::timestamptz and created_at <= ${to}::timestamptz
       and ${lower} and ${upper})`
  const changes = sql`
    from interaction_total_changes
    where hour >= bounds.first and hour < bounds.last
      and ${organizationId === undefined ? sql`true` : sql`organization_id = ${organizationId}`}`
  return sql`
    select first, last,
      ${count(sql`created_at >= bounds.last`, sql`true`)} as newer,
      ${count(sql`true`, sql`created_at < bounds.first`)} as older,
      (
        select coalesce(sum(interactions), 0) from interaction_totals
        where ${ofUnit(organizationId, 'month')}
          and start >= date_trunc('month', bounds.first) and start < date_trunc('month', bounds.last)
      ) - ${sinceMonth(organizationId, sql`bounds.first`)} + ${sinceMonth(organizationId, sql`bounds.last`)}
        + (select coalesce(sum(change), 0) ${changes}) as between,
      not exists (select ${changes}) as settled
    from (
      select first, greatest(least(date_trunc('hour', ${to}::timestamptz + interval '1 millisecond'), counted_until), first) as last
      from (
        select date_trunc('hour', ${from}::timestamptz + interval '1 hour' - interval '1 millisecond') as first,
          coalesce((select counted_until from interaction_totals_state), '-infinity') as counted_until
      ) as state
    ) as bounds`
}

/**
 * One row about the row of that number (from 0, in order of date) in a range of which `kept` is what `keptRange` tells:
 * it is found `skip` rows behind the first one that is not beyond `bound`, a date in whole milliseconds.
 */
export function keptStart(
  organizationId: Range['organizationId'],
  number: Expression<unknown>,
  direction: 'asc' | 'desc',
): RawBuilder<unknown> {
  const isNewestFirst = direction === 'desc'
  const [before, end] = isNewestFirst
    ? [sql`kept.newer`, sql`'infinity'::timestamptz`]
    : [sql`kept.older`, sql`'-infinity'::timestamptz`]
  // counted from the beginning of the month of `first`, oldest first
  const rank = isNewestFirst
    ? sql`${sinceMonth(organizationId, sql`kept.first`)} + kept.between - 1 - (${number}::bigint - kept.newer)`
    : sql`${sinceMonth(organizationId, sql`kept.first`)} + ${number}::bigint - kept.older`
  return sql`
    select coalesce(hour.bound, ${end}) as bound, coalesce(hour.skip, ${number}::bigint) as skip
    from kept
    left join lateral (
      select
        ${isNewestFirst ? sql`day.start + hour.part * interval '1 hour' - interval '1 millisecond'` : sql`day.start + (hour.part - 1) * interval '1 hour'`} as bound,
        ${isNewestFirst ? sql`hour.interactions - 1 - (day.rank - hour.before)` : sql`day.rank - hour.before`} as skip
      from (
        select month.start + (part.part - 1) * interval '1 day' as start, month.rank - part.before as rank
        from (
          select sums.start, sums.parts, wanted.rank - sums.before as rank
          from (select ${rank} as rank) as wanted
          join lateral (
            select start, parts, interactions, sum(interactions) over (order by start) - interactions as before
            from interaction_totals
            where ${ofUnit(organizationId, 'month')}
              and start >= date_trunc('month', kept.first) and start <= date_trunc('month', kept.last)
          ) as sums on wanted.rank >= sums.before and wanted.rank < sums.before + sums.interactions and isfinite(sums.start)
        ) as month
        join lateral ${partOf(sql`month.parts`)} as part
          on month.rank >= part.before and month.rank < part.before + part.interactions
      ) as day
      join interaction_totals as hours on ${ofUnit(organizationId, 'day', 'hours')} and hours.start = day.start
      join lateral ${partOf(sql`hours.parts`)} as hour
        on day.rank >= hour.before and day.rank < hour.before + hour.interactions
    ) as hour
      on kept.settled and ${number}::bigint >= ${before} and ${number}::bigint < ${before} + kept.between`
}

/** How many there are from the beginning of the month of a full hour until that hour. */
function sinceMonth(organizationId: Range['organizationId'], hour: RawBuilder<unknown>): RawBuilder<unknown> {
  const sum = (unit: 'day' | 'month', parts: RawBuilder<unknown>) => sql`
    coalesce((
      select sum(part) from interaction_totals, unnest(parts[:${parts}::integer]) as part
      where ${ofUnit(organizationId, unit)} and start = date_trunc(${sql.lit(unit)}, ${hour})
    ), 0)`
  return sql`(${sum('month', sql`extract(day from ${hour}) - 1`)} + ${sum('day', sql`extract(hour from ${hour})`)})`
}

/** The parts of an array by number, each with the sum of those before it. */
function partOf(parts: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(
    select part, interactions, sum(interactions) over (order by part) - interactions as before
    from unnest(${parts}) with ordinality as parts (interactions, part)
  )`
}

function ofUnit(
  organizationId: Range['organizationId'],
  unit: 'day' | 'month',
  table = 'interaction_totals',
) {
  const column = sql.ref(`${table}.organization_id`)
  const isOwn = organizationId === undefined ? sql`${column} is null` : sql`${column} = ${organizationId}`
  return sql`${isOwn} and ${sql.ref(`${table}.unit`)} = ${sql.lit(unit)}`
}
