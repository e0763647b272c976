// Recounts what the totals have kept.
import { sql } from 'kysely'
import type { Database } from '../database/database.ts'

/** Two numbers of the same thing that should be one. */
export interface Difference {
  /** null: all organizations together */
  readonly organizationId: string | null
  /** what the number is of: an hour as kept with its day, a day as kept with its month, or the sum of either */
  readonly unit: 'hour' | 'day' | 'month'
  readonly start: string
  readonly kept: number
  readonly counted: number
}

/** Recounts every counted hour, in one snapshot. Reads all interactions once; none is locked. */
export async function findDifferences({ kysely }: Database): Promise<readonly Difference[]> {
  const { rows } = await sql<Difference>`
    with state as (select counted_until from interaction_totals_state),
    changes as (
      select organization_id, hour, sum(change) as interactions
      from interaction_total_changes, state where hour < counted_until
      group by grouping sets ((organization_id, hour), (hour))
    ),
    numbers as (
      select organization_id, 'hour' as unit, start + (number - 1) * interval '1 hour' as start, part as kept, 0 as counted
      from interaction_totals as totals, unnest(parts) with ordinality as part (part, number)
      where totals.unit = 'day'
      union all
      select organization_id, 'hour', hour, interactions, 0 from changes
      union all
      select organization_id, 'hour', date_trunc('hour', created_at), 0, count(*)
      from interactions, state where created_at < counted_until
      group by grouping sets ((organization_id, date_trunc('hour', created_at)), (date_trunc('hour', created_at)))
      union all
      select organization_id, 'day', start + (number - 1) * interval '1 day', part, 0
      from interaction_totals as totals, unnest(parts) with ordinality as part (part, number)
      where totals.unit = 'month'
      union all
      select organization_id, 'day', start, 0, interactions from interaction_totals as totals where totals.unit = 'day'
      union all
      select organization_id, 'month', start, interactions, (select sum(part) from unnest(parts) as part)
      from interaction_totals as totals where totals.unit = 'month'
      union all
      select organization_id, 'day', start, interactions, (select sum(part) from unnest(parts) as part)
      from interaction_totals as totals where totals.unit = 'day'
    )
    select organization_id as "organizationId", unit, start,
      sum(kept)::double precision as kept, sum(counted)::double precision as counted
    from numbers
    group by organization_id, unit, start
    having sum(kept) <> sum(counted)
    order by organization_id nulls first, start, unit`.execute(kysely)
  return rows
}
