-- A second secret for a while, so that a client's secret can be replaced without downtime. Blocks neither reads nor writes:
-- new columns without a default change the catalog only. Token requests wait for that moment.
--
-- Both hashes of a client have the same salt and cost: one derivation verifies a secret, whether there are one or two.
alter table oauth_clients
  add column if not exists old_secret_hash text,
  -- the old secret works until then
  add column if not exists old_secret_expires_at timestamptz(3)
    constraint oauth_clients_old_secret_check check ((old_secret_hash is null) = (old_secret_expires_at is null));
