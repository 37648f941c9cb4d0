-- What charts are drawn of, counted without reading the tasks themselves.

-- +goose Up
DROP INDEX tasks_finished;
CREATE INDEX tasks_finished ON tasks (finished_at, status, error_kind) WHERE finished_at > 0;
CREATE INDEX tasks_finished_of_key ON tasks (key_id, finished_at, status, error_kind) WHERE finished_at > 0;
CREATE INDEX attempts_of_session ON attempts (session_id, created_at);

-- +goose Down
DROP INDEX attempts_of_session;
DROP INDEX tasks_finished_of_key;
DROP INDEX tasks_finished;
CREATE INDEX tasks_finished ON tasks (finished_at) WHERE finished_at > 0;
