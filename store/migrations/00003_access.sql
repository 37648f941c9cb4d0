-- Who may do what: limits and rotation of keys, people and their sign-ins, usage by
-- model, the audit log.

-- +goose Up
ALTER TABLE keys ADD COLUMN max_priority BIGINT NOT NULL DEFAULT 100; -- the highest that a task may ask for
ALTER TABLE keys ADD COLUMN models TEXT NOT NULL DEFAULT '';          -- allowed, as a JSON array; '' for all
ALTER TABLE keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';        -- that may use it, in CIDR notation, with spaces between; '' for all
ALTER TABLE keys ADD COLUMN max_upload BIGINT NOT NULL DEFAULT 0;     -- bytes of one file, 0 for what is configured
ALTER TABLE keys ADD COLUMN credits_per_day BIGINT NOT NULL DEFAULT 0;   -- thousandths, 0 for no limit
ALTER TABLE keys ADD COLUMN credits_per_month BIGINT NOT NULL DEFAULT 0; -- likewise
-- The secret before the last rotation, and until when it still works.
ALTER TABLE keys ADD COLUMN old_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN old_until BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX keys_old_hash ON keys (old_hash) WHERE old_hash <> '';

-- What the task costs by the catalogue, in thousandths of a credit; 0 once it has
-- ended and surely nothing was spent.
ALTER TABLE tasks ADD COLUMN credits BIGINT NOT NULL DEFAULT 0;

-- Days are those of the configured time zone. Requests are counted under model ''.
-- Ends and seconds count on the day of the end, everything else on the day of the
-- submit.
CREATE TABLE usage_by_model (
  key_id    TEXT NOT NULL,
  day       TEXT NOT NULL,
  model     TEXT NOT NULL,
  requests  BIGINT NOT NULL DEFAULT 0,
  tasks     BIGINT NOT NULL DEFAULT 0,
  succeeded BIGINT NOT NULL DEFAULT 0,
  failed    BIGINT NOT NULL DEFAULT 0,
  cancelled BIGINT NOT NULL DEFAULT 0,
  seconds   BIGINT NOT NULL DEFAULT 0, -- of finished video
  credits   BIGINT NOT NULL DEFAULT 0, -- thousandths, less what was surely not spent
  PRIMARY KEY (key_id, day, model)
);
CREATE INDEX usage_by_day ON usage_by_model (day);
INSERT INTO usage_by_model (key_id, day, model, requests, tasks) SELECT key_id, day, '', requests, tasks FROM usage_days;
DROP TABLE usage_days;

-- Somebody who has signed in with OIDC. The id is also that of the implicit key
-- that their tasks belong to.
CREATE TABLE people (
  id         TEXT PRIMARY KEY,
  issuer     TEXT NOT NULL,
  subject    TEXT NOT NULL,
  name       TEXT NOT NULL,
  email      TEXT NOT NULL,
  role       TEXT NOT NULL, -- at the last sign-in or refresh
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX people_subject ON people (subject, issuer);

-- The sign-ins of browsers. Those of the table before had no owner that could be
-- listed; they end with this migration.
DROP TABLE browser_sessions;
CREATE TABLE browser_sessions (
  id         TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL,
  key_id     TEXT NOT NULL,            -- of the key or the person that signed in
  key_hash   TEXT NOT NULL DEFAULT '', -- of the secret that signed in: a new one ends the sign-in
  sid        TEXT NOT NULL DEFAULT '', -- the provider's name for the sign-in, for back-channel logout
  tokens     TEXT NOT NULL DEFAULT '', -- of the provider, sealed
  address    TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  checked_at BIGINT NOT NULL,          -- when the provider last confirmed the person
  busy_until BIGINT NOT NULL DEFAULT 0, -- no other node asks the provider before
  expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX browser_sessions_token ON browser_sessions (token_hash);
CREATE INDEX browser_sessions_owner ON browser_sessions (key_id);
CREATE INDEX browser_sessions_sid ON browser_sessions (sid) WHERE sid <> '';
CREATE INDEX browser_sessions_expiry ON browser_sessions (expires_at);

-- States and logout tokens that were taken, so that none is taken twice.
CREATE TABLE taken_once (
  hash       TEXT PRIMARY KEY,
  expires_at BIGINT NOT NULL
);

CREATE TABLE audit (
  id          TEXT PRIMARY KEY,
  at          BIGINT NOT NULL,
  actor_kind  TEXT NOT NULL,
  actor_id    TEXT NOT NULL,
  actor_name  TEXT NOT NULL,
  address     TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  action      TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target_id   TEXT NOT NULL,
  was         TEXT NOT NULL, -- JSON without secrets, '' for nothing
  became      TEXT NOT NULL, -- likewise
  result      TEXT NOT NULL  -- ok, or the code of the error
);
CREATE INDEX audit_by_time ON audit (at, id);
CREATE INDEX audit_by_actor ON audit (actor_id, at, id);
CREATE INDEX audit_by_target ON audit (target_id, at, id);
CREATE INDEX audit_by_action ON audit (action, at, id);

-- Goes up with every change of who may do what; nodes look at it.
INSERT INTO counters (name, value) VALUES ('access', 0);

-- +goose Down
DELETE FROM counters WHERE name = 'access';
DROP TABLE audit;
DROP TABLE taken_once;
DROP TABLE browser_sessions;
CREATE TABLE browser_sessions (
  token_hash TEXT PRIMARY KEY,
  data       TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX browser_sessions_expiry ON browser_sessions (expires_at);
DROP TABLE people;
CREATE TABLE usage_days (
  key_id   TEXT NOT NULL,
  day      TEXT NOT NULL,
  requests BIGINT NOT NULL DEFAULT 0,
  tasks    BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (key_id, day)
);
INSERT INTO usage_days (key_id, day, requests, tasks) SELECT key_id, day, sum(requests), sum(tasks) FROM usage_by_model GROUP BY key_id, day;
DROP TABLE usage_by_model;
ALTER TABLE tasks DROP COLUMN credits;
DROP INDEX keys_old_hash;
ALTER TABLE keys DROP COLUMN old_until;
ALTER TABLE keys DROP COLUMN old_hash;
ALTER TABLE keys DROP COLUMN credits_per_month;
ALTER TABLE keys DROP COLUMN credits_per_day;
ALTER TABLE keys DROP COLUMN max_upload;
ALTER TABLE keys DROP COLUMN networks;
ALTER TABLE keys DROP COLUMN models;
ALTER TABLE keys DROP COLUMN max_priority;
