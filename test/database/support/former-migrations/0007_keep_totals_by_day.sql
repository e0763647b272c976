-- The kept totals as running totals: the number of a range is the difference of two of them, and the day in which a page
-- begins is found by one more look. The sums of days and months before took nine looks.
--
-- Servers of the version before find no triggers by the names that they know, and count. What they kept is dropped by a
-- later migration, when none of them is left.
update interaction_totals_state set seal = seal + 1, sealed_until = '-infinity', counted_until = '-infinity';
truncate interaction_totals, interaction_total_changes;

-- As interaction_totals_state was: hours before `sealed_until` are noted, those before `counted_until` are counted.
create table interaction_day_totals_state (
  one           boolean not null default true,
  -- counts how often sealed_until was set
  seal          bigint not null default 0,
  sealed_until  timestamptz not null default '-infinity',
  counted_until timestamptz not null default '-infinity',

  constraint interaction_day_totals_state_pkey primary key (one),
  constraint interaction_day_totals_state_one_check check (one),
  constraint interaction_day_totals_state_order_check check (counted_until <= sealed_until)
);

insert into interaction_day_totals_state default values;

-- The counted hours of a day in UTC; none where there is nothing, but one of '-infinity' for each organization. A day
-- of an organization takes about 300 bytes with its index entries, however many interactions it has.
create table interaction_day_totals (
  -- '': all organizations
  organization_id text collate "C" not null,
  day             timestamptz not null,
  -- How many there are on earlier days. Only differences count: it may begin at any number.
  before          bigint not null,
  -- how many there are on this day until the end of each hour
  hours           integer[] not null,

  constraint interaction_day_totals_pkey primary key (organization_id, day)
);

-- The day on which an interaction stands, by its number in order of date.
create index interaction_day_totals_before_idx on interaction_day_totals (organization_id, before, day);

do $do$
begin
  alter trigger interactions_inserted on interactions rename to interactions_noted_on_insert;
  alter trigger interactions_deleted on interactions rename to interactions_noted_on_delete;
  alter trigger interactions_moved on interactions rename to interactions_noted_on_move;
  alter trigger interactions_truncated on interactions rename to interactions_noted_on_truncate;

  create or replace function note_interaction_changes() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $$
  begin
    -- nearly always there is nothing to note, which has to be told fast
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

  create or replace function note_interaction_move() returns trigger
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

  create or replace function forget_interaction_totals() returns trigger
  language plpgsql
  security definer
  set search_path from current
  as $$
  begin
    -- first, since it waits for who counts
    update interaction_day_totals_state set counted_until = '-infinity';
    delete from interaction_day_totals;
    delete from interaction_total_changes;
    return null;
  end
  $$;
exception
  when undefined_object then
    raise notice 'no triggers on statements: totals are counted';
end
$do$;
