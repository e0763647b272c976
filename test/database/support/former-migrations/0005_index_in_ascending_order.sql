-- The indexes by date, in ascending order. Interactions arrive in the order of time, so that each one comes behind the
-- last of its organization: PostgreSQL then fills page after page, where in descending order it splits each in half. Read
-- backwards, they lead to the newest first all the same.
--
-- The old ones make way at the end, so that searches go on while the new ones are made.
alter index interactions_organization_created_idx rename to interactions_organization_created_desc_idx;
alter index interactions_date_idx rename to interactions_date_desc_idx;
alter index interactions_long_tags_idx rename to interactions_long_tags_desc_idx;

-- Search in one organization by date, with any filter but customerId and conferenceId: page and count read it alone.
-- What has a fixed size comes first, which is found faster in an entry.
create index interactions_organization_created_idx on interactions (organization_id, created_at, id)
  include (media_recorded, cobrowse_recorded, type_prefix, created_by_prefix, on_hold_duration, tags);

-- Search by date across all organizations, which says that the id is not below '' (see 0003).
create index interactions_date_idx on interactions (created_at, id) where id >= '';

-- Search by tags, the part that looks into the few rows whose tags are too long for an index entry.
create index interactions_long_tags_idx on interactions (organization_id, created_at, id) where tags_beyond_index;

-- With full pages, the covering index is counted in as fast as the narrow one was.
drop index interactions_organization_date_idx;
drop index interactions_organization_created_desc_idx;
drop index interactions_date_desc_idx;
drop index interactions_long_tags_desc_idx;
