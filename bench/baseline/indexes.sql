create index if not exists interactions_organization_date_idx on interactions (organization_id, created_at, id);

create index if not exists interactions_organization_customer_idx
  on interactions (organization_id, (data ->> 'customerId'), created_at, id);
