// What PostgreSQL is set to for every target.

/** Every commit is flushed to disk. */
export const postgresSettings = {
  shared_buffers: '1GB',
  random_page_cost: '1.1',
  fsync: 'on',
  synchronous_commit: 'on',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
}
