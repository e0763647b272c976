-- Search in one organization by a type and date, with filters on recording and duration: page and count read the
-- interactions of that type alone.
create index interactions_type_idx on interactions (organization_id, type_prefix, created_at, id)
  include (media_recorded, cobrowse_recorded, on_hold_duration);
