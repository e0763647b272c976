-- The number of interactions of each organization by hour, as running totals: a search reads two of them instead of
-- counting, and finds the day on which a page begins.
--
-- Changes to hours before `sealed_until` (the watermark) are recorded in interaction_total_changes by triggers. Hours
-- before `counted_until` are counted: their totals plus their recorded changes give the exact number, in any snapshot.
-- One row; the server that counts holds its lock.
create table interaction_day_totals_state (
  one           boolean not null default true,
  -- the version of the watermark: incremented each time sealed_until is set
  seal          bigint not null default 0,
  sealed_until  timestamptz not null default '-infinity',
  counted_until timestamptz not null default '-infinity',

  constraint interaction_day_totals_state_pkey primary key (one),
  constraint interaction_day_totals_state_one_check check (one),
  constraint interaction_day_totals_state_order_check check (counted_until <= sealed_until)
);

insert into interaction_day_totals_state default values;

-- The counted hours, one row for each UTC day that has interactions, and one row of day '-infinity' for each
-- organization. A row takes about 300 bytes with its index entries, however many interactions the day has.
create table interaction_day_totals (
  -- '': all organizations together
  organization_id text collate "C" not null,
  day             timestamptz not null,
  -- The running total of earlier days. It may start at any number: only differences are used.
  before          bigint not null,
  -- 24 numbers: the interactions of the day up to the end of each hour
  hours           integer[] not null,

  constraint interaction_day_totals_pkey primary key (organization_id, day)
);

-- Serves: finding the day of the first row of a page, by the row's number in order of date.
create index interaction_day_totals_before_idx on interaction_day_totals (organization_id, before, day);

-- Changes to the number of interactions in hours before the watermark, until they are added to the totals.
create table interaction_total_changes (
  organization_id text collate "C" not null,
  hour            timestamptz not null,
  change          bigint not null
);

-- Serves: the sum of the changes of a range, in one organization or across all.
create index interaction_total_changes_hour_idx on interaction_total_changes (hour, organization_id) include (change);

-- On an engine without these triggers no totals are kept, and each search counts.
do $do$
begin
  -- "security definer": a role that may write interactions need not have rights on the totals.
  --
  -- Above "read committed" a transaction reads an old snapshot, possibly from before the watermark moved, so that it
  -- records every change. A recorded change of an hour that is not counted yet is deleted when the hour is counted.
  create function note_interaction_changes() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $$
  begin
    -- fast path: most statements touch no hour before the watermark
    if current_setting('transaction_isolation') = 'read committed'
      and not exists (select from touched where created_at < (select sealed_until from interaction_day_totals_state))
    then
      return null;
    end if;
    insert into interaction_total_changes (organization_id, hour, change)
    select organization_id, date_trunc('hour', created_at, 'UTC'), case tg_op when 'INSERT' then 1 else -1 end * count(*)
    from touched
    where current_setting('transaction_isolation') <> 'read committed'
      or created_at < (select sealed_until from interaction_day_totals_state)
    group by 1, 2;
    return null;
  end
  $$;

  create function note_interaction_move() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $$
  begin
    insert into interaction_total_changes (organization_id, hour, change)
    select moved.organization_id, date_trunc('hour', moved.created_at, 'UTC'), moved.change
    from (values (old.organization_id, old.created_at, -1), (new.organization_id, new.created_at, 1))
      as moved (organization_id, created_at, change)
    where current_setting('transaction_isolation') <> 'read committed'
      or moved.created_at < (select sealed_until from interaction_day_totals_state);
    return null;
  end
  $$;

  create function forget_interaction_totals() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $$
  begin
    -- must come first: it waits for the lock of the server that counts
    update interaction_day_totals_state set counted_until = '-infinity';
    delete from interaction_day_totals;
    delete from interaction_total_changes;
    return null;
  end
  $$;

  create trigger interactions_noted_on_insert after insert on interactions
    referencing new table as touched for each statement execute function note_interaction_changes();
  create trigger interactions_noted_on_delete after delete on interactions
    referencing old table as touched for each statement execute function note_interaction_changes();
  create trigger interactions_noted_on_move after update of organization_id, created_at on interactions
    for each row execute function note_interaction_move();
  create trigger interactions_noted_on_truncate after truncate on interactions
    for each statement execute function forget_interaction_totals();

  -- "always": also in sessions with session_replication_role = replica, which skip ordinary triggers to load rows faster
  alter table interactions enable always trigger interactions_noted_on_insert;
  alter table interactions enable always trigger interactions_noted_on_delete;
  alter table interactions enable always trigger interactions_noted_on_move;
  alter table interactions enable always trigger interactions_noted_on_truncate;
exception
  when feature_not_supported then
    raise notice 'this engine has no statement triggers: no totals are kept, and each search counts';
end
$do$;
