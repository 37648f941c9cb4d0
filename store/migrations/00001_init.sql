-- One schema for SQLite and PostgreSQL: TEXT ids, BIGINT Unix milliseconds (0 = not yet),
-- JSON as TEXT that is never queried inside.

-- +goose Up
CREATE TABLE nodes (
  id           TEXT PRIMARY KEY,
  heartbeat_at BIGINT NOT NULL
);

CREATE TABLE keys (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  hash         TEXT NOT NULL,
  prefix       TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  enabled      BOOLEAN NOT NULL,
  implicit     BOOLEAN NOT NULL,
  rate_limit   BIGINT NOT NULL,
  daily_quota  BIGINT NOT NULL,
  concurrency  BIGINT NOT NULL,
  weight       BIGINT NOT NULL CHECK (weight > 0),
  expires_at   BIGINT NOT NULL,
  metadata     TEXT NOT NULL,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  deleted_at   BIGINT NOT NULL DEFAULT 0,
  last_used_at BIGINT NOT NULL DEFAULT 0,
  -- admission: what the key holds now, and when it was last given a slot
  running      BIGINT NOT NULL DEFAULT 0,
  served_at    BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX keys_hash ON keys (hash) WHERE hash <> '';

-- The queued tasks of a key for one set of upstreams; admission reads these few
-- rows instead of counting tasks.
CREATE TABLE lanes (
  key_id TEXT NOT NULL,
  route  TEXT NOT NULL,
  queued BIGINT NOT NULL,
  PRIMARY KEY (key_id, route)
);
CREATE INDEX lanes_waiting ON lanes (key_id) WHERE queued > 0;

CREATE TABLE upstreams (
  name          TEXT PRIMARY KEY,
  running       BIGINT NOT NULL DEFAULT 0,
  faults        BIGINT NOT NULL DEFAULT 0,
  benched_until BIGINT NOT NULL DEFAULT 0,
  reason        TEXT NOT NULL DEFAULT ''
);

CREATE TABLE sessions (
  id             TEXT PRIMARY KEY,
  upstream       TEXT NOT NULL,
  label          TEXT NOT NULL,
  secret         TEXT NOT NULL,
  hint           TEXT NOT NULL,
  fingerprint    TEXT NOT NULL,
  slots          BIGINT NOT NULL CHECK (slots > 0),
  running        BIGINT NOT NULL DEFAULT 0 CHECK (running >= 0),
  enabled        BOOLEAN NOT NULL,
  state          TEXT NOT NULL,
  until          BIGINT NOT NULL DEFAULT 0,
  reason         TEXT NOT NULL DEFAULT '',
  faults         BIGINT NOT NULL DEFAULT 0,
  credits        BIGINT,
  credits_expire BIGINT NOT NULL DEFAULT 0,
  succeeded      BIGINT NOT NULL DEFAULT 0,
  failed         BIGINT NOT NULL DEFAULT 0,
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  last_used_at   BIGINT NOT NULL DEFAULT 0,
  probed_at      BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX sessions_fingerprint ON sessions (upstream, fingerprint);
CREATE INDEX sessions_free ON sessions (upstream, last_used_at, id) WHERE enabled AND running < slots;

CREATE TABLE tasks (
  id             TEXT PRIMARY KEY,
  key_id         TEXT NOT NULL,
  kind           TEXT NOT NULL,
  status         TEXT NOT NULL,
  model          TEXT NOT NULL,
  route          TEXT NOT NULL,
  prompt         TEXT NOT NULL,
  duration       BIGINT NOT NULL,
  ratio          TEXT NOT NULL,
  resolution     TEXT NOT NULL,
  priority       BIGINT NOT NULL,
  retry_of       TEXT NOT NULL,
  materials      TEXT NOT NULL,
  upstream       TEXT NOT NULL DEFAULT '',
  session_id     TEXT NOT NULL DEFAULT '',
  attempt        BIGINT NOT NULL DEFAULT 0,
  failovers      BIGINT NOT NULL DEFAULT 0,
  job_id         BIGINT NOT NULL DEFAULT 0,
  ref            TEXT NOT NULL DEFAULT '',
  results        TEXT NOT NULL DEFAULT '',
  polls          BIGINT NOT NULL DEFAULT 0,
  queue_position BIGINT,
  queue_total    BIGINT,
  queue_eta      TEXT NOT NULL DEFAULT '',
  error_kind     TEXT NOT NULL DEFAULT '',
  error_message  TEXT NOT NULL DEFAULT '',
  money          TEXT NOT NULL DEFAULT '',
  artifacts      TEXT NOT NULL DEFAULT '',
  created_at     BIGINT NOT NULL,
  updated_at     BIGINT NOT NULL,
  started_at     BIGINT NOT NULL DEFAULT 0,
  finished_at    BIGINT NOT NULL DEFAULT 0,
  start_deadline BIGINT NOT NULL,
  deadline       BIGINT NOT NULL,
  run_deadline   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX tasks_of_key ON tasks (key_id, id);
CREATE INDEX tasks_by_status ON tasks (status, id);
CREATE INDEX tasks_of_key_by_status ON tasks (key_id, status, id);
CREATE INDEX tasks_waiting ON tasks (key_id, route, priority DESC, id) WHERE status = 'queued';
CREATE INDEX tasks_start_deadline ON tasks (start_deadline) WHERE status = 'queued';
CREATE INDEX tasks_running ON tasks (run_deadline) WHERE status IN ('submitting', 'polling', 'downloading');

-- How many tasks of a key have a status; key_id '' counts all keys.
CREATE TABLE task_counts (
  key_id TEXT NOT NULL,
  status TEXT NOT NULL,
  n      BIGINT NOT NULL,
  PRIMARY KEY (key_id, status)
);

CREATE TABLE attempts (
  task_id       TEXT NOT NULL,
  n             BIGINT NOT NULL,
  upstream      TEXT NOT NULL,
  session_id    TEXT NOT NULL,
  state         TEXT NOT NULL,
  node          TEXT NOT NULL DEFAULT '',
  ref           TEXT NOT NULL DEFAULT '',
  error_kind    TEXT NOT NULL DEFAULT '',
  error_message TEXT NOT NULL DEFAULT '',
  created_at    BIGINT NOT NULL,
  sent_at       BIGINT NOT NULL DEFAULT 0,
  settled_at    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (task_id, n)
);

CREATE TABLE usage_days (
  key_id   TEXT NOT NULL,
  day      TEXT NOT NULL,
  requests BIGINT NOT NULL DEFAULT 0,
  tasks    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (key_id, day)
);

CREATE TABLE browser_sessions (
  token_hash TEXT PRIMARY KEY,
  data       TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX browser_sessions_expiry ON browser_sessions (expires_at);

-- +goose Down
DROP TABLE browser_sessions;
DROP TABLE usage_days;
DROP TABLE attempts;
DROP TABLE task_counts;
DROP TABLE tasks;
DROP TABLE sessions;
DROP TABLE upstreams;
DROP TABLE lanes;
DROP TABLE keys;
DROP TABLE nodes;
