-- What is promoted out of `data` is taken out in one pass over its text. Generated columns cannot share one: each of
-- their expressions parsed all of `data`, some several times. The service's statements call this function, which
-- PostgreSQL puts into their plan; for rows that arrive by other means (restore, COPY, psql) triggers do.
--
-- It must not fail, whatever the shape of the JSON: another shape than is looked for gives null.
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
    -- A non-empty string, or the text of a number. Of more than 255 characters 256 are kept, which no search asks for.
    case
      when json_typeof(member."customerId") in ('string', 'number')
        then nullif(left(member."customerId" #>> '{}', 256), '')
    end,
    -- the same of conferenceId, or else of roomName
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
    -- a number of up to 64 characters and an exponent of two digits: more is no duration, and numeric cannot hold all
    case
      when octet_length(member."onHoldDuration"::text) <= 64
        and member."onHoldDuration"::text ~ '^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$'
        then member."onHoldDuration"::text::numeric
    end,
    -- the JSON text of a non-empty string has something between its quotes
    coalesce(member."recorderId"::text like '"_%"', false),
    coalesce(member."cobrowseRecorderId"::text like '"_%"', false),
    -- An array of strings. A btree entry may hold 2,704 bytes; jsonb takes up to twice the text's room, and what else an
    -- entry carries leaves 2,000.
    case
      when member.size <= 2000
        and member.tags::text ~ '^\[\s*(?:"(?:[^"\\]|\\.)*"\s*(?:,\s*"(?:[^"\\]|\\.)*"\s*)*)?\]$'
        then member.tags::jsonb
    end,
    -- an array that is too long for an index entry, up to 16 KiB: the search looks into `data` itself
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

alter table interactions
  alter column customer_id drop expression,
  alter column conference_id drop expression,
  alter column on_hold_duration drop expression,
  alter column media_recorded drop expression,
  alter column cobrowse_recorded drop expression,
  alter column tags drop expression,
  alter column tags_beyond_index drop expression;

-- An engine without triggers on rows finds what the service writes, and no other rows.
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

  -- Who has promoted says so by a column that is never null.
  create trigger interactions_promoted_on_insert before insert on interactions
    for each row when (new.media_recorded is null) execute function promote_interaction_row();

  -- Who has changed a promoted column has promoted. Where all are as before, that may be so, or else nobody has.
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

  -- also for those who switch triggers off to load rows faster
  alter table interactions enable always trigger interactions_promoted_on_insert;
  alter table interactions enable always trigger interactions_promoted_on_update;
exception
  when feature_not_supported then
    raise notice 'no triggers on rows: filters find what the service writes';
end
$do$;
