-- How many interactions were created in each hour that is over: the search adds these up instead of counting.
--
-- Hours before `sealed_until` are noted: what is written there, or taken away, leaves a change behind (see the trigger).
-- Hours before `counted_until` are counted: the totals and the changes of such an hour make its exact number, in any
-- snapshot. One row; who counts holds its lock.
create table interaction_totals_state (
  one           boolean not null default true,
  -- counts how often sealed_until was set
  seal          bigint not null default 0,
  sealed_until  timestamptz not null default '-infinity',
  counted_until timestamptz not null default '-infinity',

  constraint interaction_totals_state_pkey primary key (one),
  constraint interaction_totals_state_one_check check (one),
  constraint interaction_totals_state_order_check check (counted_until <= sealed_until)
);

insert into interaction_totals_state default values;

-- The counted hours of a day, or days of a month, in UTC; none where there is nothing. A day of an organization takes
-- about 300 bytes with its index entry, however many interactions it has.
create table interaction_totals (
  -- null: all organizations
  organization_id text collate "C",
  unit            text collate "C" not null,
  start           timestamptz not null,
  interactions    bigint not null,
  -- of each hour of the day, from 0 to 23, or of each day of the month, from 1 to 31
  parts           integer[] not null,

  constraint interaction_totals_key unique nulls not distinct (organization_id, unit, start) include (interactions),
  constraint interaction_totals_unit_check check (unit in ('day', 'month'))
);

-- What came to sealed hours, or went from them, until it is added to the totals.
create table interaction_total_changes (
  organization_id text collate "C" not null,
  hour            timestamptz not null,
  change          bigint not null
);

-- The changes of a range, in one organization or across all.
create index interaction_total_changes_hour_idx on interaction_total_changes (hour, organization_id) include (change);

-- An engine that has no such triggers keeps no totals, and everything is counted.
do $do$
begin
  -- Both: whoever may write interactions need not be allowed to write totals. And whoever keeps an older snapshot
  -- cannot tell what is sealed by now, and notes everything: a change of an hour that is not counted yet is dropped
  -- when it is.
  create function note_interaction_changes() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $$
  begin
    -- nearly always there is nothing to note, which has to be told fast
    if current_setting('transaction_isolation') = 'read committed'
      and not exists (select from touched where created_at < (select sealed_until from interaction_totals_state))
    then
      return null;
    end if;
    insert into interaction_total_changes (organization_id, hour, change)
    select organization_id, date_trunc('hour', created_at, 'UTC'), case tg_op when 'INSERT' then 1 else -1 end * count(*)
    from touched
    where current_setting('transaction_isolation') <> 'read committed'
      or created_at < (select sealed_until from interaction_totals_state)
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
      or moved.created_at < (select sealed_until from interaction_totals_state);
    return null;
  end
  $$;

  create function forget_interaction_totals() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $$
  begin
    -- first, since it waits for who counts
    update interaction_totals_state set counted_until = '-infinity';
    delete from interaction_totals;
    delete from interaction_total_changes;
    return null;
  end
  $$;

  create trigger interactions_inserted after insert on interactions
    referencing new table as touched for each statement execute function note_interaction_changes();
  create trigger interactions_deleted after delete on interactions
    referencing old table as touched for each statement execute function note_interaction_changes();
  create trigger interactions_moved after update of organization_id, created_at on interactions
    for each row execute function note_interaction_move();
  create trigger interactions_truncated after truncate on interactions
    for each statement execute function forget_interaction_totals();

  -- also for those who switch triggers off to load rows faster
  alter table interactions enable always trigger interactions_inserted;
  alter table interactions enable always trigger interactions_deleted;
  alter table interactions enable always trigger interactions_moved;
  alter table interactions enable always trigger interactions_truncated;
exception
  when feature_not_supported then
    raise notice 'no triggers on statements: totals are counted';
end
$do$;
