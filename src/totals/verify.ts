// Verifies the totals by counting again.
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'

/** A total that differs from the count. */
export interface Difference {
  /** '': all organizations together */
  readonly organizationId: string
  /** `day`: the difference of two running totals does not match the hours of the day between them */
  readonly unit: 'hour' | 'day'
  readonly start: string
  readonly kept: number
  readonly counted: number
}

/** Recounts every counted hour in one snapshot. Reads all interactions once, and locks none. */
export async function findDifferences({ kysely }: Database): Promise<readonly Difference[]> {
  const { rows } = await sql<Difference>`
    with counted as materialized (
      select organization_id, date_trunc('hour', created_at, 'UTC') as hour, count(*) as number
      from interactions
      where created_at < (select counted_until from interaction_day_totals_state)
      group by 1, 2
    ),
    changed as materialized (
      select organization_id, hour, sum(change) as change
      from interaction_total_changes
      where hour < (select counted_until from interaction_day_totals_state)
      group by 1, 2
    ),
    numbers as (
      select organization_id, 'hour' as unit, day + (number - 1) * interval '1 hour' as start,
        upto - coalesce(hours[number - 1], 0) as kept, 0 as counted
      from interaction_day_totals, unnest(hours) with ordinality as hour (upto, number)
      union all
      select organization_id, 'hour', hour, change, 0 from changed
      union all
      select '', 'hour', hour, change, 0 from changed
      union all
      select organization_id, 'hour', hour, 0, number from counted
      union all
      select '', 'hour', hour, 0, number from counted
      union all
      select organization_id, 'day', day,
        lead(before) over (partition by organization_id order by day) - before, hours[24]
      from interaction_day_totals
    )
    select organization_id as "organizationId", unit, start,
      sum(kept)::double precision as kept, sum(counted)::double precision as counted
    from numbers
    group by organization_id, unit, start
    having sum(kept) <> sum(counted)
    order by organization_id, start, unit`.execute(kysely)
  return rows
}
