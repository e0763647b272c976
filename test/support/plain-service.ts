// A reference implementation of the service in plain statements: no batches, no prepared statements, no caches, no
// JSON text passed through. The responses of the optimized service must equal those of this one.
import type { Pool, PoolClient } from 'pg'

export interface PlainCaller {
  readonly userId: string
  /** undefined for the SERVICE role */
  readonly organizationId: string | undefined
}

export interface PlainResponse {
  readonly status: number
  /** the parsed body of a 200, otherwise undefined */
  readonly body?: unknown
}

interface Row {
  readonly id: string
  readonly organization_id: string
  readonly created_by: string
  readonly created_at: Date
  readonly type: string | null
  readonly data: object
  readonly version: string
}

export interface PlainBody {
  readonly interactionId?: string | undefined
  readonly organizationId?: string | undefined
  readonly type?: string | undefined
  readonly data?: object | undefined
  readonly version?: number | undefined
}

/** Implements contract §3 to §5 for valid requests. */
export function plainService(pool: Pool) {
  const find = async (client: Pool | PoolClient, id: string): Promise<Row | undefined> =>
    (await client.query('select * from interactions where id = $1', [id])).rows[0]

  return {
    async create(caller: PlainCaller, { interactionId, organizationId, type, data = {} }: PlainBody) {
      const { rowCount } = await pool.query(
        `insert into interactions (id, organization_id, created_by, type, data) values ($1, $2, $3, $4, $5)
         on conflict do nothing`,
        [interactionId, caller.organizationId ?? organizationId, caller.userId, type ?? null, data],
      )
      return rowCount === 1 ? { status: 200, body: { interactionId, version: 0 } } : { status: 409 }
    },

    async get(caller: PlainCaller, id: string): Promise<PlainResponse> {
      const row = await find(pool, id)
      if (row === undefined) return { status: 404 }
      return isOtherOrganization(caller, row) ? { status: 403 } : { status: 200, body: toInteraction(row) }
    },

    async update(
      caller: PlainCaller,
      id: string,
      { type, data, version }: PlainBody,
    ): Promise<PlainResponse> {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const row = await find(client, id)
        if (row === undefined) return { status: 404 }
        if (isOtherOrganization(caller, row)) return { status: 403 }
        if (version !== undefined && Number(row.version) !== version) return { status: 409 }
        if (type !== undefined)
          await client.query('update interactions set type = $2 where id = $1', [id, type])
        if (data !== undefined)
          await client.query('update interactions set data = $2 where id = $1', [id, data])
        if (type !== undefined || data !== undefined)
          await client.query('update interactions set version = version + 1 where id = $1', [id])
        await client.query('commit')
        return { status: 204 }
      } finally {
        await client.query('rollback')
        client.release()
      }
    },

    /** Returns a page of the interactions that the caller may read, of one type or of all types, in the order of their ids. */
    async list({ organizationId }: PlainCaller, type: string | undefined, page: number, size: number) {
      const condition = '($1::text is null or organization_id = $1) and ($2::text is null or type = $2)'
      const values = [organizationId ?? null, type ?? null]
      const { rows: counted } = await pool.query(
        `select count(*) from interactions where ${condition}`,
        values,
      )
      const { rows } = await pool.query<Row>(
        `select * from interactions where ${condition} order by id limit $3 offset $4`,
        [...values, size, page * size],
      )
      return {
        status: 200,
        body: {
          content: rows.map(toInteraction),
          totalElements: Number(counted[0].count),
          number: page,
          size,
        },
      }
    },
  }
}

function isOtherOrganization(caller: PlainCaller, row: Row): boolean {
  return caller.organizationId !== undefined && caller.organizationId !== row.organization_id
}

function toInteraction(row: Row) {
  return {
    id: row.id,
    organizationId: row.organization_id,
    createdBy: row.created_by,
    ...(row.type === null ? {} : { type: row.type }),
    data: row.data,
    version: Number(row.version),
  }
}
