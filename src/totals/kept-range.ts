// SQL with which a search reads the totals: the number of interactions in a range, and where a page of it begins.
import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely'

/** A range of creation dates, in one organization or across all. The expressions may be parameters. */
export interface Range {
  /** timestamps in whole milliseconds, both inclusive */
  readonly from: Expression<unknown>
  readonly to: Expression<unknown>
  /** undefined: all organizations */
  readonly organizationId: Expression<unknown> | undefined
  /** the condition that selects the interactions of the organization, in a form that uses its index by date */
  readonly belongs: Expression<SqlBool>
}

/**
 * Returns common table expressions that end in `kept`, one row with the parts of the number of interactions in a range.
 * The counted whole hours of the range lie between `first` and `last`; `older` and `newer` are the numbers of
 * interactions before and after them, counted by the statement. `upto_first` and `upto_last` are the running totals at
 * `first` and `last`; `changes` is the sum of the changes recorded for the hours between, null when there are none. The
 * number is exact in the snapshot of the statement.
 */
export function keptRange({ from, to, organizationId, belongs }: Range): RawBuilder<unknown> {
  const count = (edge: RawBuilder<unknown>) => sql`
    select count(*) from interactions
    where ${belongs} and created_at >= ${from}::timestamptz and created_at <= ${to}::timestamptz and ${edge}`
  // "materialized" and "offset 0" make PostgreSQL evaluate an expression once, not once for each use.
  return sql`
    kept as materialized (
      select newer, older, upto_first, upto_last, changes
      from (
        select date_trunc('hour', ${from}::timestamptz + interval '1 hour' - interval '1 millisecond') as first
        offset 0
      ) as beginning
      cross join lateral (
        select greatest(first, least(
          date_trunc('hour', ${to}::timestamptz + interval '1 millisecond'),
          (select counted_until from interaction_day_totals_state)
        )) as last
        offset 0
      ) as ending
      cross join lateral (${count(sql`created_at >= last`)}) as newer (newer)
      cross join lateral (${count(sql`created_at < first`)}) as older (older)
      cross join lateral (${runningTotal(organizationId, sql`first`)}) as upto_first (upto_first)
      cross join lateral (${runningTotal(organizationId, sql`last`)}) as upto_last (upto_last)
      cross join lateral (
        select sum(change)::bigint from interaction_total_changes
        where hour >= first and hour < last
          and ${organizationId === undefined ? sql`true` : sql`organization_id = ${organizationId}`}
      ) as changes (changes)
    )`
}

/** The number of interactions in the range of `kept`. */
export const keptTotal = sql`(select newer + older + upto_last - upto_first + coalesce(changes, 0) from kept)`

/**
 * Returns common table expressions that end in `start`, one row that says where to find the row of a given number in
 * the range of `kept`: scan from `bound`, a time in whole milliseconds, and skip `skip` rows. When the totals do not
 * cover that row, or there are recorded changes, `bound` is infinite and `skip` is the number itself.
 * @param number counted from 0, in the order of creation dates
 * @param direction of that order; `bound` is the latest time of the scan for `desc`, the earliest for `asc`
 */
export function keptStart(
  organizationId: Range['organizationId'],
  number: Expression<unknown>,
  direction: 'asc' | 'desc',
): RawBuilder<unknown> {
  const isNewestFirst = direction === 'desc'
  return sql`
    sought as materialized (
      select upto from (
        select ${
          isNewestFirst
            ? sql`upto_last - 1 - (${number}::bigint - newer)`
            : sql`upto_first + (${number}::bigint - older)`
        } as upto, upto_first, upto_last
        from kept where changes is null
      ) as row
      where upto >= upto_first and upto < upto_last
    ),
    hour as materialized (
      select day + number * interval '1 hour' as begins,
        upto - before - coalesce(hours[number], 0) as older,
        before + hours[number + 1] - 1 - upto as newer
      from (
        select upto, before, day, hours, width_bucket((upto - before)::integer, hours) as number
        from sought, lateral (
          select before, day, hours from interaction_day_totals
          where ${isOf(organizationId)} and before <= upto
          order by before desc, day desc limit 1
        ) as day
        offset 0
      ) as day
      where isfinite(day)
    ),
    start as materialized (
      ${
        isNewestFirst
          ? sql`select begins + interval '1 hour' - interval '1 millisecond' as bound, newer as skip`
          : sql`select begins as bound, older as skip`
      }
      from hour
      union all
      select ${isNewestFirst ? sql`'infinity'` : sql`'-infinity'`}, ${number}::bigint
      where not exists (select from hour)
    )`
}

/** Returns SQL for one row: the running total at the beginning of an hour. */
function runningTotal(
  organizationId: Range['organizationId'],
  hour: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`
    select coalesce((
      select before + coalesce(hours[case when day < date_trunc('day', ${hour}) then 24 else extract(hour from ${hour})::integer end], 0)
      from interaction_day_totals
      where ${isOf(organizationId)} and day <= ${hour}
      order by day desc limit 1
    ), 0)`
}

const isOf = (organizationId: Range['organizationId']) =>
  sql`organization_id = ${organizationId ?? sql.lit('')}`
