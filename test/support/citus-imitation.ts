// The parts of the Citus extension that the service uses, on plain PostgreSQL. They check what Citus checks.

export const citusImitation = `
  create table pg_dist_partition (logicalrelid regclass primary key);

  create function create_distributed_function(function regprocedure) returns void language sql as '';

  create function create_distributed_table(relation regclass, distribution_column text, shard_count integer)
    returns void language plpgsql as $$
  begin
    if exists (select from pg_trigger where tgrelid = relation and not tgisinternal) then
      if current_setting('citus.enable_unsafe_triggers', true) is distinct from 'on' then
        raise exception 'triggers are not supported on distributed tables' using errcode = '0A000';
      end if;
      if exists (select from pg_trigger where tgrelid = relation and tgnewtable is not null or tgoldtable is not null) then
        raise exception 'triggers with transition tables are not supported' using errcode = '0A000';
      end if;
    end if;
    insert into pg_dist_partition values (relation);
  end $$;

  create function truncate_local_data_after_distributing_table(relation regclass) returns void language sql as '';
`
