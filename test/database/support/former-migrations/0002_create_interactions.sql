-- The interactions. `data` is json, not jsonb: its text is kept as it was given, every digit and duplicate key of it.
--
-- What the search filters on is promoted out of `data` into generated columns, so that rows which arrive by other
-- means (restore, COPY, psql) are found too. Each expression is built from operators only (a function would not be
-- inlined, at twice the cost), and guards against every shape of JSON: none can fail, and another shape gives null.
--
-- Text is compared byte by byte (collate "C"): equal on every server, whatever its locale, and cheapest to index.
-- A btree entry may hold 2,704 bytes. Keys may take 2,048 of them (organization_id and id, 255 characters of up to
-- 4 bytes each, and created_at), so what an index carries beside them is cut: see *_prefix and tags.
create table interactions (
  id                 text collate "C" not null,
  organization_id    text collate "C" not null,
  created_by         text collate "C" not null,
  -- cut, not rounded, to milliseconds: a creation never lies in the future
  created_at         timestamptz(3) not null default date_trunc('milliseconds', now()),
  type               text collate "C",
  data               json not null,
  version            bigint not null default 0,

  -- Taking a member out parses all of `data`, so each expression does it as seldom as it can.
  --
  -- A non-empty string, or the text of a number. Of more than 255 characters 256 are kept, which no search asks for.
  customer_id        text collate "C" generated always as (
    case
      when json_typeof(data -> 'customerId') in ('string', 'number')
        then nullif(left(data ->> 'customerId', 256), '')
    end
  ) stored,
  -- the same of conferenceId, or else of roomName
  conference_id      text collate "C" generated always as (
    coalesce(
      case
        when json_typeof(data -> 'conferenceId') in ('string', 'number')
          then nullif(left(data ->> 'conferenceId', 256), '')
      end,
      case
        when json_typeof(data -> 'roomName') in ('string', 'number')
          then nullif(left(data ->> 'roomName', 256), '')
      end
    )
  ) stored,
  -- a number of up to 64 characters and an exponent of two digits: more is no duration, and numeric cannot hold all
  on_hold_duration   numeric generated always as (
    case
      when octet_length((data -> 'onHoldDuration')::text) <= 64
        and (data -> 'onHoldDuration')::text ~ '^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$'
        then (data -> 'onHoldDuration')::text::numeric
    end
  ) stored,
  -- the JSON text of a non-empty string has something between its quotes
  media_recorded     boolean not null generated always as (
    coalesce((data -> 'recorderId')::text like '"_%"', false)
  ) stored,
  cobrowse_recorded  boolean not null generated always as (
    coalesce((data -> 'cobrowseRecorderId')::text like '"_%"', false)
  ) stored,

  type_prefix        text collate "C" generated always as (left(type, 40)) stored,
  created_by_prefix  text collate "C" generated always as (left(created_by, 64)) stored,
  -- an array of strings; jsonb takes up to twice the text's room, and what else an entry carries leaves 2,000 bytes
  tags               jsonb generated always as (
    case
      when octet_length(id) + octet_length(organization_id) + 2 * octet_length((data -> 'tags')::text) <= 2000
        and (data -> 'tags')::text ~ '^\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]$'
        then (data -> 'tags')::jsonb
    end
  ) stored,
  -- an array that is too long for an index entry, up to 16 KiB: the search looks into `data` itself. Beyond that, a
  -- few rows would keep a search busy for seconds, and it is no list of tags any more.
  tags_beyond_index  boolean not null generated always as (
    coalesce(
      octet_length(id) + octet_length(organization_id) + 2 * octet_length((data -> 'tags')::text) > 2000
        and octet_length((data -> 'tags')::text) <= 16384
        and json_typeof(data -> 'tags') = 'array',
      false
    )
  ) stored,

  constraint interactions_pkey primary key (id),
  constraint interactions_data_check check (json_typeof(data) = 'object')
) with (
  -- room for an update beside its row, so that it need not touch the indexes
  fillfactor = 90,
  -- an index-only scan needs the visibility map: keep it fresh where rows only arrive
  autovacuum_vacuum_insert_scale_factor = 0.01,
  autovacuum_vacuum_insert_threshold = 10000,
  autovacuum_analyze_scale_factor = 0.02
);

-- Search in one organization by date, with any filter but customerId and conferenceId: page and count read it alone.
create index interactions_organization_created_idx on interactions (organization_id, created_at desc, id desc)
  include (type_prefix, created_by_prefix, media_recorded, cobrowse_recorded, on_hold_duration, tags);

-- Search by date across all organizations.
create index interactions_created_idx on interactions (created_at desc, id desc);

-- Search by customerId, in one organization or across all.
create index interactions_customer_idx on interactions (customer_id, organization_id, created_at desc)
  where customer_id is not null;

-- Search by conferenceId, in one organization or across all.
create index interactions_conference_idx on interactions (conference_id, organization_id, created_at desc)
  where conference_id is not null;

-- Search by tags, the part that looks into the few rows whose tags are too long for an index entry.
create index interactions_long_tags_idx on interactions (organization_id, created_at desc, id desc)
  where tags_beyond_index;
