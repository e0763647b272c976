-- Who may ask the token endpoint for a token. Secrets are stored hashed.
create table oauth_clients (
  client_id       text collate "C" not null,
  secret_hash     text not null,
  role            text not null,
  organization_id text collate "C",
  scopes          text[] not null default '{}',
  created_at      timestamptz(3) not null default now(),
  revoked_at      timestamptz(3),

  constraint oauth_clients_pkey primary key (client_id),
  constraint oauth_clients_role_check check (role in ('AGENT', 'SUPERVISOR', 'SERVICE')),
  constraint oauth_clients_organization_check check ((role = 'SERVICE') = (organization_id is null))
);
