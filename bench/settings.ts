// What PostgreSQL is set to for every target.
import { totalmem } from 'node:os'

/** Every commit is flushed to disk. Of the memory, 40 % is PostgreSQL's: the most that its manual finds of use. */
export const postgresSettings = {
  shared_buffers: `${Math.floor((totalmem() * 0.4) / 1_048_576)}MB`,
  random_page_cost: '1.1',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
}
