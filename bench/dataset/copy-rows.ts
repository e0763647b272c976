// Writes the interactions of the benchmark by COPY.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SingleBar } from 'cli-progress'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { sample } from './interactions.ts'

/**
 * Copies the first `total` interactions into the table of the database at the URL.
 * @param label shown beside the progress bar
 */
export async function copyRows(url: string, total: number, label: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const bar = new SingleBar({ format: `${label} {bar} {percentage}% | {value}/{total} | {eta_formatted}` })
  bar.start(total, 0)
  const columns = 'id, organization_id, created_by, created_at, type, data'
  const sink = client.query(copyFrom(`copy interactions (${columns}) from stdin`))
  await pipeline(Readable.from(copyText(total, (done) => bar.update(done))), sink)
  bar.stop()
  await client.end()
}

/** Yields COPY's text format, 1,000 rows at a time. The samples contain no tabs, line breaks or backslashes. */
function* copyText(total: number, progress: (done: number) => void): Generator<string> {
  for (let start = 0; start < total; start += 1000) {
    let text = ''
    for (let number = start; number < Math.min(start + 1000, total); number++) {
      const { id, organizationId, createdBy, createdAt, type, data } = sample(number, total)
      text += `${id}\t${organizationId}\t${createdBy}\t${createdAt.toISOString()}\t${type}\t${data}\n`
    }
    yield text
    progress(Math.min(start + 1000, total))
  }
}
