// SQL that adds the changes of hours to the running totals.
import { type RawBuilder, sql } from 'kysely'

const hours = Array.from({ length: 24 }, (_, index) => index + 1)

/** Returns an array of 24 sums, each up to the end of an hour of the day. */
const untilEachHour = (sum: (hour: number) => RawBuilder<unknown>) => sql`array[${sql.join(hours.map(sum))}]`

/**
 * Common table expressions that add `added` to the totals. They expect its columns organization_id ('' for all
 * organizations), hour and change. Only differences of running totals are used, so that a change in the middle can be
 * added to the days after it or subtracted from the days before it: whichever period is shorter is rewritten.
 */
export const addition = sql`
  changed as materialized (
    select organization_id, date_trunc('day', hour) as day, ${untilEachHour(
      // extract gives null for an infinite time, which counts as the first hour
      (hour) =>
        sql`coalesce(sum(change) filter (where coalesce(extract(hour from hour), 0) < ${sql.lit(hour)}), 0)::integer`,
    )} as hours
    from added
    group by organization_id, date_trunc('day', hour)
    union all
    select distinct organization_id, timestamptz '-infinity', array_fill(0, array[24])
    from added
    where hour > '-infinity'
      and not exists (select from interaction_day_totals as kept where kept.organization_id = added.organization_id)
  ),
  span as materialized (
    select *, newest > last
      and extract(epoch from newest) - extract(epoch from last) > extract(epoch from first) - extract(epoch from oldest)
      as is_early
    from (select organization_id, min(day) as first, max(day) as last from changed group by organization_id) as days,
      lateral (
        select max(day) as newest, min(day) filter (where isfinite(day)) as oldest
        from interaction_day_totals as kept where kept.organization_id = days.organization_id
      ) as kept
  ),
  affected as (
    select organization_id, day, hours from changed
    union all
    select kept.organization_id, kept.day, kept.hours
    from span
    join interaction_day_totals as kept on kept.organization_id = span.organization_id
      and kept.day >= case when is_early then '-infinity' else first end
      and kept.day <= case when is_early then last else 'infinity' end
  ),
  summed as materialized (
    select organization_id, day, ${untilEachHour((hour) => sql`sum(hours[${sql.lit(hour)}])::integer`)} as hours
    from affected
    group by organization_id, day
  ),
  added_to as (
    insert into interaction_day_totals (organization_id, day, before, hours)
    select organization_id, day,
      case
        when is_early then (
          select before from interaction_day_totals as kept
          where kept.organization_id = span.organization_id and kept.day > last
          order by kept.day limit 1
        ) - sum(hours[24]) over (partition by organization_id order by day desc)
        else coalesce((
          select before + kept.hours[24] from interaction_day_totals as kept
          where kept.organization_id = span.organization_id and kept.day < first
          order by kept.day desc limit 1
        ), 0) + sum(hours[24]) over (partition by organization_id order by day) - hours[24]
      end,
      hours
    from summed
    join span using (organization_id)
    on conflict (organization_id, day) do update set before = excluded.before, hours = excluded.hours
  )`
