-- The keys of creations that may be sent again (header Idempotency-Key). A key is written by the statement that stores
-- its interaction. It expires after 24 hours; creations with a key delete the expired ones.
create table idempotency_keys (
  -- SHA-256 of organization, user and key
  key            bytea not null,
  -- SHA-256 of the creation's content
  fingerprint    bytea not null,
  interaction_id text collate "C" not null,
  created_at     timestamptz not null default now(),

  constraint idempotency_keys_pkey primary key (key)
);

-- Serves: deleting expired keys, the oldest first.
create index idempotency_keys_created_idx on idempotency_keys (created_at);
