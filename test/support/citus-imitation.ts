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

  create table pg_dist_node (nodename text, nodeport integer, time_zone text, date_style text, is_lost boolean);
  insert into pg_dist_node values
    ('worker-1.internal', 5432, 'UTC', 'ISO, MDY', false), ('worker-2.internal', 5432, 'Etc/UTC', 'ISO, DMY', false);

  create function run_command_on_workers(command text, parallel boolean default true,
      out nodename text, out nodeport integer, out success boolean, out result text)
    returns setof record language plpgsql as $$
  declare
    node record;
  begin
    for node in select * from pg_dist_node order by pg_dist_node.nodename loop
      nodename := node.nodename;
      nodeport := node.nodeport;
      success := not node.is_lost;
      result := format('failed to connect to %s:%s', nodename, nodeport);
      if success then
        perform set_config('TimeZone', node.time_zone, true), set_config('DateStyle', node.date_style, true);
        execute command into result;
      end if;
      return next;
    end loop;
  end $$;

  create function truncate_local_data_after_distributing_table(relation regclass) returns void language sql as '';
`
