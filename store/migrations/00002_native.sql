-- What the native API shows: a log of events, materials that are uploaded once,
-- idempotency keys, how long files are kept.

-- +goose Up
-- Numbers that every node takes from: the last event, the bytes of all artifacts.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('events', 0), ('events_purged', 0), ('artifact_bytes', 0);

-- Everything that has happened to a task: its history, and what listeners get.
-- seq has the order of the commits, because writers take turns.
CREATE TABLE events (
  seq     BIGINT PRIMARY KEY,
  task_id TEXT NOT NULL,
  key_id  TEXT NOT NULL,
  type    TEXT NOT NULL,
  at      BIGINT NOT NULL,
  data    TEXT NOT NULL
);
CREATE INDEX events_of_task ON events (task_id, seq);
CREATE INDEX events_deleted ON events (at) WHERE type = 'task.deleted';

CREATE TABLE idempotency (
  key_id          TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  request         TEXT NOT NULL, -- hash of what was asked for
  task_id         TEXT NOT NULL,
  created_at      BIGINT NOT NULL,
  PRIMARY KEY (key_id, idempotency_key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- A material is a stored file of one key. Materials of several keys with the same
-- content share one blob.
CREATE TABLE materials (
  id           TEXT PRIMARY KEY,
  key_id       TEXT NOT NULL,
  kind         TEXT NOT NULL,
  name         TEXT NOT NULL,
  content_type TEXT NOT NULL,
  size         BIGINT NOT NULL,
  sha256       TEXT NOT NULL,
  blob         TEXT NOT NULL,
  width        BIGINT NOT NULL DEFAULT 0,
  height       BIGINT NOT NULL DEFAULT 0,
  length_ms    BIGINT NOT NULL DEFAULT 0,
  created_at   BIGINT NOT NULL,
  used_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX materials_content ON materials (sha256, key_id);
CREATE INDEX materials_of_key ON materials (key_id, id);
CREATE INDEX materials_by_blob ON materials (blob);
CREATE INDEX materials_by_use ON materials (used_at);
CREATE TABLE task_materials (
  material_id TEXT NOT NULL,
  task_id     TEXT NOT NULL,
  PRIMARY KEY (material_id, task_id)
);
CREATE INDEX materials_of_task ON task_materials (task_id);

ALTER TABLE tasks ADD COLUMN options TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN artifact_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN artifacts_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tasks_retry_of ON tasks (retry_of) WHERE retry_of <> '';
CREATE INDEX tasks_finished ON tasks (finished_at) WHERE finished_at > 0;
CREATE INDEX tasks_with_artifacts ON tasks (finished_at) WHERE artifact_bytes > 0;
CREATE INDEX tasks_artifacts_until ON tasks (artifacts_until) WHERE artifacts_until > 0;

ALTER TABLE keys ADD COLUMN wait BIGINT NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN retention BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE keys DROP COLUMN retention;
ALTER TABLE keys DROP COLUMN wait;
DROP INDEX tasks_artifacts_until;
DROP INDEX tasks_with_artifacts;
DROP INDEX tasks_finished;
DROP INDEX tasks_retry_of;
ALTER TABLE tasks DROP COLUMN artifacts_until;
ALTER TABLE tasks DROP COLUMN artifact_bytes;
ALTER TABLE tasks DROP COLUMN options;
DROP TABLE task_materials;
DROP TABLE materials;
DROP TABLE idempotency;
DROP TABLE events;
DROP TABLE counters;
