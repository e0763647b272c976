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
 * its two ends; of the whole hours between them, `upto_first` and `upto_last` are the running totals where they begin
 * and end, and `changes` what came to them since, null when nothing did. Together they are the exact number of the
 * range, in the snapshot of the statement.
 */
export function keptRange({ from, to, organizationId, belongs }: Range): RawBuilder<unknown> {
  const count = (edge: RawBuilder<unknown>) => sql`
    select count(*) from interactions
    where ${belongs} and created_at >= ${from}::timestamptz and created_at <= ${to}::timestamptz and ${edge}`
  // materialized, and behind an offset, so that nothing is evaluated as often as it is named
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

/** The number of the range that `kept` is about. */
export const keptTotal = sql`(select newer + older + upto_last - upto_first + coalesce(changes, 0) from kept)`

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

/** How many there are before a full hour, from where the running totals begin; one row. */
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
