-- Tickets that are open already get their clocks from a job, in batches.
INSERT INTO job (id, organization_id, kind, payload, dedup_key, run_at, state, attempts, created_at)
SELECT gen_random_uuid(), id, 'deadline_recalculate', '{"backfill": true}', NULL, created_at, 'queued', 0, created_at
FROM organization;
