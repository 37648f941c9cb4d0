-- Where a task comes from, so that the logs and the trace of its steps can be
-- joined to the request that made it.

-- +goose Up
ALTER TABLE tasks ADD COLUMN request_id TEXT NOT NULL DEFAULT ''; -- of the request, as the logs have it
ALTER TABLE tasks ADD COLUMN trace TEXT NOT NULL DEFAULT '';      -- W3C traceparent of the request, '' when it is not traced

-- +goose Down
ALTER TABLE tasks DROP COLUMN trace;
ALTER TABLE tasks DROP COLUMN request_id;
