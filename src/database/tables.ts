// The tables as Kysely types. Values of json, int8, numeric and timestamptz are the text that PostgreSQL sends.
import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

export interface Tables {
  idempotency_keys: IdempotencyKeysTable
  interaction_day_totals: DayTotalsTable
  interaction_day_totals_state: DayTotalsStateTable
  interaction_total_changes: TotalChangesTable
  interactions: InteractionsTable
  oauth_clients: OauthClientsTable
}

interface IdempotencyKeysTable {
  key: Buffer
  fingerprint: Buffer
  interaction_id: string
  created_at: Generated<string>
}

interface InteractionsTable {
  id: string
  organization_id: string
  created_by: string
  created_at: GeneratedAlways<string>
  type: string | null
  data: string
  version: ColumnType<string, never, string>
  customer_id: Generated<string | null>
  conference_id: Generated<string | null>
  on_hold_duration: Generated<string | null>
  media_recorded: Generated<boolean>
  cobrowse_recorded: Generated<boolean>
  type_prefix: GeneratedAlways<string | null>
  created_by_prefix: GeneratedAlways<string>
  tags: Generated<string | null>
  tags_beyond_index: Generated<boolean>
}

interface DayTotalsStateTable {
  one: Generated<boolean>
  seal: Generated<string>
  sealed_until: Generated<string>
  counted_until: Generated<string>
}

interface DayTotalsTable {
  organization_id: string
  day: string
  before: string
  hours: number[]
}

interface TotalChangesTable {
  organization_id: string
  hour: string
  change: string
}

interface OauthClientsTable {
  client_id: string
  secret_hash: string
  role: 'AGENT' | 'SUPERVISOR' | 'SERVICE'
  organization_id: string | null
  scopes: string[]
  created_at: Generated<string>
  revoked_at: string | null
  old_secret_hash: string | null
  old_secret_expires_at: string | null
}
