-- The keys of creations that may be sent again (the header Idempotency-Key), each written in the statement that stores
-- its interaction. After 24 hours a key may be used anew; creations with a key remove what has expired by then.
create table idempotency_keys (
  -- SHA-256 of the organization, the user, and the key
  key            bytea not null,
  -- SHA-256 of what was to be created
  fingerprint    bytea not null,
  interaction_id text collate "C" not null,
  created_at     timestamptz not null default now(),

  constraint idempotency_keys_pkey primary key (key)
);

-- What has expired, the oldest first.
create index idempotency_keys_created_idx on idempotency_keys (created_at);
