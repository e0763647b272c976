-- The interactions, and the columns and indexes that the search reads.
--
-- `data` is json, not jsonb: json keeps the text as it was given, with every digit and every duplicate key. The members
-- of `data` that the search filters on are copied ("promoted") into columns of their own.
--
-- Text is compared byte by byte (collate "C"): the order does not depend on the server's locale, and such an index is
-- the cheapest.
--
-- A btree entry can hold 2,704 bytes. The keys can take 2,048 of them (organization_id and id: 255 characters each, up
-- to 4 bytes a character; and created_at). Columns that an index carries beside its keys are therefore cut: see
-- type_prefix, created_by_prefix and tags.
create table interactions (
  id                 text collate "C" not null,
  organization_id    text collate "C" not null,
  created_by         text collate "C" not null,
  -- truncated, not rounded, to milliseconds: rounding could give a time in the future
  created_at         timestamptz(3) not null default date_trunc('milliseconds', now()),
  type               text collate "C",
  data               json not null,
  version            bigint not null default 0,

  -- The promoted columns: promote_interaction says how each is computed.
  customer_id        text collate "C",
  conference_id      text collate "C",
  -- milliseconds
  on_hold_duration   numeric,
  media_recorded     boolean not null,
  cobrowse_recorded  boolean not null,

  type_prefix        text collate "C" generated always as (left(type, 40)) stored,
  created_by_prefix  text collate "C" generated always as (left(created_by, 64)) stored,
  -- promoted as well; null when the tags are too long for an index entry
  tags               jsonb,
  -- true: the search reads the tags from `data`, because they are too long for an index entry
  tags_beyond_index  boolean not null,

  constraint interactions_pkey primary key (id),
  constraint interactions_data_check check (json_typeof(data) = 'object')
) with (
  -- leaves space on each page for updated rows, so that an update need not touch the indexes
  fillfactor = 90,
  -- Index-only scans need a current visibility map, also in a table that only receives inserts.
  autovacuum_vacuum_insert_scale_factor = 0.01,
  autovacuum_vacuum_insert_threshold = 10000,
  autovacuum_analyze_scale_factor = 0.02
);

-- The indexes by date are in ascending order, although most searches want the newest first: interactions arrive in
-- order of time, so that each new entry of an organization follows its last one. PostgreSQL then fills page after page;
-- in descending order it would split each page in half. A backward scan of the index returns the newest first.

-- Serves: search in one organization by date, with any filter but customerId and conferenceId. Page and count read the
-- index alone. Columns of fixed size come first: PostgreSQL finds them faster in an entry.
create index interactions_organization_created_idx on interactions (organization_id, created_at, id)
  include (media_recorded, cobrowse_recorded, type_prefix, created_by_prefix, on_hold_duration, tags);

-- Serves: search by date across all organizations. The condition holds for every row, but PostgreSQL uses the index only
-- for statements that repeat it. Without it the planner would at times choose this index for a search in one
-- organization that it believes to be small, and scan the rows of all others.
create index interactions_date_idx on interactions (created_at, id) where id >= '';

-- Serves: search in one organization by type and date, with filters on recording and duration. Page and count read the
-- index alone. Rows without a type are left out, so that only a search for a type can use this index: PostgreSQL 18
-- would otherwise skip-scan its types for other searches, however many types there are.
create index interactions_type_idx on interactions (organization_id, type_prefix, created_at, id)
  include (media_recorded, cobrowse_recorded, on_hold_duration)
  where type_prefix is not null;

-- Serves: search by customerId, in one organization or across all.
create index interactions_customer_idx on interactions (customer_id, organization_id, created_at desc)
  where customer_id is not null;

-- Serves: search by conferenceId, in one organization or across all.
create index interactions_conference_idx on interactions (conference_id, organization_id, created_at desc)
  where conference_id is not null;

-- Serves: search by tags, for the few rows whose tags are too long for an index entry.
create index interactions_long_tags_idx on interactions (organization_id, created_at, id) where tags_beyond_index;

-- Computes the promoted columns of a row in one pass over the text of `data`; generated columns would parse it once for
-- each column. The statements of the service call it, and PostgreSQL inlines it into their plans.
--
-- It must not fail, whatever `data` holds: a member of another shape than the expected one gives null or false.
create function promote_interaction(id text, organization_id text, data json)
  returns table (
    customer_id text,
    conference_id text,
    on_hold_duration numeric,
    media_recorded boolean,
    cobrowse_recorded boolean,
    tags jsonb,
    tags_beyond_index boolean
  )
  language sql immutable parallel safe rows 1
begin atomic
  select
    -- customer_id: a non-empty string, or the text of a number. Of a text longer than 255 characters, 256 are kept:
    -- no search asks for a value of that length, so it matches nothing.
    case
      when json_typeof(member."customerId") in ('string', 'number')
        then nullif(left(member."customerId" #>> '{}', 256), '')
    end,
    -- conference_id: the same of conferenceId, else of roomName
    coalesce(
      case
        when json_typeof(member."conferenceId") in ('string', 'number')
          then nullif(left(member."conferenceId" #>> '{}', 256), '')
      end,
      case
        when json_typeof(member."roomName") in ('string', 'number')
          then nullif(left(member."roomName" #>> '{}', 256), '')
      end
    ),
    -- on_hold_duration: a number of at most 64 characters whose exponent has at most two digits. A longer one is not a
    -- duration, and numeric cannot hold every JSON number.
    case
      when octet_length(member."onHoldDuration"::text) <= 64
        and member."onHoldDuration"::text ~ '^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$'
        then member."onHoldDuration"::text::numeric
    end,
    -- media_recorded, cobrowse_recorded: a non-empty string has at least one character between its quotes
    coalesce(member."recorderId"::text like '"_%"', false),
    coalesce(member."cobrowseRecorderId"::text like '"_%"', false),
    -- tags: an array of strings. jsonb takes up to twice the size of the text; 2,000 bytes are what the other columns
    -- of an index entry leave.
    case
      when member.size <= 2000
        and member.tags::text ~ '^\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]$'
        then member.tags::jsonb
    end,
    -- tags_beyond_index: an array that is too long for an index entry, up to 16 KiB. Longer arrays are not taken for
    -- tags: a few such rows would keep a search busy for seconds.
    coalesce(
      member.size > 2000 and octet_length(member.tags::text) <= 16384 and json_typeof(member.tags) = 'array',
      false
    )
  from (
    select *, octet_length(promote_interaction.id) + octet_length(promote_interaction.organization_id)
      + 2 * octet_length(tags::text) as size
    from json_to_record(case when json_typeof(promote_interaction.data) = 'object' then promote_interaction.data end) as given (
      "customerId" json, "conferenceId" json, "roomName" json, "onHoldDuration" json, "recorderId" json,
      "cobrowseRecorderId" json, tags json
    )
  ) as member;
end;

-- Triggers promote rows that other programs write (pg_restore, COPY, psql). On an engine without row triggers the
-- search finds only rows that the service wrote.
do $do$
begin
  create function promote_interaction_row() returns trigger
  language plpgsql
  set search_path from current
  as $$
  begin
    select * into new.customer_id, new.conference_id, new.on_hold_duration, new.media_recorded, new.cobrowse_recorded,
      new.tags, new.tags_beyond_index
    from promote_interaction(new.id, new.organization_id, new.data);
    return new;
  end
  $$;

  -- A null media_recorded means: not promoted yet.
  create trigger interactions_promoted_on_insert before insert on interactions
    for each row when (new.media_recorded is null) execute function promote_interaction_row();

  -- An update that changes a promoted column has promoted the row itself. If none changed, promote again: that is right
  -- in either case.
  create trigger interactions_promoted_on_update before update of id, organization_id, data on interactions
    for each row when (
      new.customer_id is not distinct from old.customer_id
      and new.conference_id is not distinct from old.conference_id
      and new.on_hold_duration is not distinct from old.on_hold_duration
      and new.media_recorded = old.media_recorded
      and new.cobrowse_recorded = old.cobrowse_recorded
      and new.tags is not distinct from old.tags
      and new.tags_beyond_index = old.tags_beyond_index
    )
    execute function promote_interaction_row();

  -- "always": also in sessions with session_replication_role = replica, which skip ordinary triggers to load rows faster
  alter table interactions enable always trigger interactions_promoted_on_insert;
  alter table interactions enable always trigger interactions_promoted_on_update;
exception
  when feature_not_supported then
    raise notice 'this engine has no row triggers: searches find only rows that the service wrote';
end
$do$;
