-- Search in one organization by a type and date, with filters on recording and duration: page and count read the
-- interactions of that type alone. Those without a type are left out, so that only a search that names one can take
-- this index: PostgreSQL 18 would skip through its types for others, however many there are.
create index interactions_type_idx on interactions (organization_id, type_prefix, created_at, id)
  include (media_recorded, cobrowse_recorded, on_hold_duration)
  where type_prefix is not null;
