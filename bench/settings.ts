// What PostgreSQL is set to for every target.
import { totalmem } from 'node:os'

/** Every commit is flushed to disk; a quarter of the memory is PostgreSQL's, as its manual suggests. */
export const postgresSettings = {
  shared_buffers: `${Math.floor(totalmem() / 4 / 1_048_576)}MB`,
  random_page_cost: '1.1',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
}
