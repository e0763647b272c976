create table if not exists interactions (
  id              text primary key,
  organization_id text not null,
  created_by      text not null,
  created_at      timestamptz not null default now(),
  type            text,
  data            jsonb not null,
  version         int not null default 0
);
