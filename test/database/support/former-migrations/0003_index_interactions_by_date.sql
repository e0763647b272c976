-- Search in one organization by date alone. An entry of the covering index has six more columns to take apart: with
-- this one, counting takes half the time.
create index interactions_organization_date_idx on interactions (organization_id, created_at desc, id desc);

-- Search by date across all organizations, which says that the id is not below ''. All are, but to say so is what makes
-- this index fit: it would lead a search in one organization past the interactions of all others, and the planner
-- would take that risk where it believes that there are few of them.
create index interactions_date_idx on interactions (created_at desc, id desc) where id >= '';

drop index interactions_created_idx;
