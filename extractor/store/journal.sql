-- The journal of a state folder: every statement that touches it, by name. Format 3.
-- Times are Unix seconds, REAL. Bodies are JSON. The AccessToken stands in event bodies: the file is a secret (0600).

-- name: schema
-- One row a run, one a job of it, one a dataset of it; events are the facts that a job's life is folded from.
-- "journal" has one row: who this journal is, and how many runs and publications it has numbered. "hold" has one a
-- connection.
CREATE TABLE journal (
  id           TEXT NOT NULL,
  runs         INTEGER NOT NULL DEFAULT 0,
  publications INTEGER NOT NULL DEFAULT 0,
  key          BLOB
) STRICT;
INSERT INTO journal (id, key) VALUES (lower(hex(randomblob(8))), randomblob(32));
CREATE TABLE run (
  run_id       TEXT PRIMARY KEY,
  plan_id      TEXT NOT NULL,
  config_hash  TEXT NOT NULL,
  config_path  TEXT,
  output       TEXT NOT NULL,
  pid          INTEGER NOT NULL,
  started_at   REAL NOT NULL,
  finished_at  REAL,
  exit_code    INTEGER,
  requests     INTEGER NOT NULL DEFAULT 0,
  reason       TEXT NOT NULL DEFAULT '',
  number       INTEGER NOT NULL DEFAULT 0,
  request      TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE TABLE job (
  run_id   TEXT NOT NULL REFERENCES run,
  ordinal  INTEGER NOT NULL,
  job_id   TEXT NOT NULL,
  label    TEXT NOT NULL,
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  verdict  TEXT,
  message  TEXT NOT NULL DEFAULT '',
  outcome  BLOB,
  stream   TEXT NOT NULL DEFAULT '',
  since    TEXT,
  PRIMARY KEY (run_id, ordinal)
) STRICT, WITHOUT ROWID;
CREATE TABLE dataset (
  run_id   TEXT NOT NULL REFERENCES run,
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  state    TEXT NOT NULL,
  path     TEXT NOT NULL DEFAULT '',
  records  INTEGER NOT NULL DEFAULT 0,
  number   INTEGER,
  PRIMARY KEY (run_id, kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
  seq      INTEGER PRIMARY KEY,
  run_id   TEXT NOT NULL,
  ordinal  INTEGER NOT NULL,
  at       REAL NOT NULL,
  kind     TEXT NOT NULL,
  body     BLOB NOT NULL
) STRICT;
CREATE INDEX event_of_job ON event (run_id, ordinal);
CREATE TABLE hold (
  connection TEXT PRIMARY KEY,
  until      REAL NOT NULL,
  seconds    REAL NOT NULL,
  status     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Streams outlive runs: "watermark" is where the next run begins (NULL: anew), "span" what each publication covered.
CREATE TABLE stream (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  job        TEXT NOT NULL,
  who        TEXT NOT NULL,
  connection TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
  stream TEXT PRIMARY KEY,
  at     TEXT,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark_change (
  seq        INTEGER PRIMARY KEY,
  stream     TEXT NOT NULL,
  was        TEXT,
  at         TEXT,
  changed_at REAL NOT NULL,
  reason     TEXT NOT NULL
) STRICT;
CREATE TABLE span (
  stream       TEXT NOT NULL,
  run          TEXT NOT NULL,
  number       INTEGER NOT NULL,
  publication  INTEGER NOT NULL,
  since        TEXT,
  until        TEXT NOT NULL,
  published_at REAL NOT NULL,
  path         TEXT NOT NULL,
  PRIMARY KEY (stream, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_of_stream ON job (stream);
-- What a stream's exports cost in a published run (plan.cost.Cost): what the next night is foreseen from.
CREATE TABLE cost (
  stream       TEXT NOT NULL,
  run          TEXT NOT NULL,
  number       INTEGER NOT NULL,
  window       REAL,
  jobs         INTEGER NOT NULL,
  records      INTEGER NOT NULL,
  bytes        INTEGER NOT NULL,
  pages        INTEGER NOT NULL,
  page         INTEGER NOT NULL,
  exports      INTEGER NOT NULL,
  retries      INTEGER NOT NULL,
  timed        INTEGER NOT NULL,
  requests     INTEGER NOT NULL,
  seconds      REAL NOT NULL,
  longest      REAL NOT NULL,
  waited       REAL NOT NULL,
  quick        REAL,
  unready      REAL,
  usual        REAL,
  slow         REAL,
  started_at   REAL NOT NULL,
  published_at REAL NOT NULL,
  PRIMARY KEY (stream, run)
) STRICT, WITHOUT ROWID;

-- name: migrate_1
-- From format 1 to 2: a journal learns who it is, numbers its runs and publications, and keeps what holds a connection.
CREATE TABLE journal (
  id           TEXT NOT NULL,
  runs         INTEGER NOT NULL DEFAULT 0,
  publications INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO journal (id) VALUES (lower(hex(randomblob(8))));
ALTER TABLE dataset ADD COLUMN number INTEGER;
ALTER TABLE run ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE run SET number = rowid;
UPDATE journal SET runs = (SELECT coalesce(max(number), 0) FROM run);
CREATE TABLE hold (
  connection TEXT PRIMARY KEY,
  until      REAL NOT NULL,
  seconds    REAL NOT NULL,
  status     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- name: migrate_2
-- From format 2 to 3: a key for digests, what a run was asked, and what is known of streams over many nights.
ALTER TABLE journal ADD COLUMN key BLOB;
UPDATE journal SET key = randomblob(32);
ALTER TABLE run ADD COLUMN request TEXT NOT NULL DEFAULT '{}';
ALTER TABLE job ADD COLUMN stream TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN since TEXT;
-- Streams outlive runs: "watermark" is where the next run begins (NULL: anew), "span" what each publication covered.
CREATE TABLE stream (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  job        TEXT NOT NULL,
  who        TEXT NOT NULL,
  connection TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
  stream TEXT PRIMARY KEY,
  at     TEXT,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE watermark_change (
  seq        INTEGER PRIMARY KEY,
  stream     TEXT NOT NULL,
  was        TEXT,
  at         TEXT,
  changed_at REAL NOT NULL,
  reason     TEXT NOT NULL
) STRICT;
CREATE TABLE span (
  stream       TEXT NOT NULL,
  run          TEXT NOT NULL,
  number       INTEGER NOT NULL,
  publication  INTEGER NOT NULL,
  since        TEXT,
  until        TEXT NOT NULL,
  published_at REAL NOT NULL,
  path         TEXT NOT NULL,
  PRIMARY KEY (stream, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_of_stream ON job (stream);
-- What a stream's exports cost in a published run (plan.cost.Cost): what the next night is foreseen from.
CREATE TABLE cost (
  stream       TEXT NOT NULL,
  run          TEXT NOT NULL,
  number       INTEGER NOT NULL,
  window       REAL,
  jobs         INTEGER NOT NULL,
  records      INTEGER NOT NULL,
  bytes        INTEGER NOT NULL,
  pages        INTEGER NOT NULL,
  page         INTEGER NOT NULL,
  exports      INTEGER NOT NULL,
  retries      INTEGER NOT NULL,
  timed        INTEGER NOT NULL,
  requests     INTEGER NOT NULL,
  seconds      REAL NOT NULL,
  longest      REAL NOT NULL,
  waited       REAL NOT NULL,
  quick        REAL,
  unready      REAL,
  usual        REAL,
  slow         REAL,
  started_at   REAL NOT NULL,
  published_at REAL NOT NULL,
  PRIMARY KEY (stream, run)
) STRICT, WITHOUT ROWID;

-- name: journal
SELECT * FROM journal;

-- name: run
SELECT * FROM run WHERE run_id = :run_id;

-- name: identity
SELECT id, publications FROM journal;

-- name: next_number
UPDATE journal SET publications = publications + 1;

-- name: number_dataset
-- A publication that is begun again keeps its number.
UPDATE dataset SET number = (SELECT publications FROM journal)
WHERE run_id = :run_id AND kind = :kind AND name = :name;

-- name: dataset
SELECT * FROM dataset WHERE run_id = :run_id AND kind = :kind AND name = :name;

-- name: add_run
INSERT INTO run (run_id, plan_id, config_hash, config_path, output, pid, started_at, request, number)
VALUES (:run_id, :plan_id, :config_hash, :config_path, :output, :pid, :started_at, :request,
  (SELECT runs FROM journal));

-- name: next_run
-- Numbers are never given twice, whatever is pruned.
UPDATE journal SET runs = runs + 1;

-- name: run_number
SELECT number FROM run WHERE run_id = :run_id;

-- name: add_job
INSERT INTO job (run_id, ordinal, job_id, label, kind, name, stream, since)
VALUES (:run_id, :ordinal, :job_id, :label, :kind, :name, :stream, :since);

-- name: add_dataset
INSERT INTO dataset (run_id, kind, name, state) VALUES (:run_id, :kind, :name, 'open');

-- name: add_event
INSERT INTO event (run_id, ordinal, at, kind, body) VALUES (:run_id, :ordinal, :at, :kind, :body);

-- name: end_job
UPDATE job SET verdict = :verdict, message = :message, outcome = :outcome
WHERE run_id = :run_id AND ordinal = :ordinal;

-- name: end_dataset
UPDATE dataset SET state = :state, path = :path, records = :records
WHERE run_id = :run_id AND kind = :kind AND name = :name;

-- name: end_run
UPDATE run SET finished_at = :finished_at, exit_code = :exit_code, requests = requests + :requests, reason = :reason
WHERE run_id = :run_id;

-- name: reopen_run
-- A run that goes on is not finished any more.
UPDATE run SET pid = :pid, finished_at = NULL, exit_code = NULL, reason = '' WHERE run_id = :run_id;

-- name: take_up_job
-- How it ended before is told until it is taken up. Done stays done.
UPDATE job SET verdict = NULL, message = '', outcome = NULL
WHERE run_id = :run_id AND ordinal = :ordinal AND verdict <> 'done';

-- name: reopen_datasets
UPDATE dataset SET state = 'open' WHERE run_id = :run_id AND state = 'withheld';

-- name: forget_events
-- With the three below: every table that has a run_id.
DELETE FROM event WHERE run_id = :run_id;

-- name: forget_datasets
DELETE FROM dataset WHERE run_id = :run_id;

-- name: forget_jobs
DELETE FROM job WHERE run_id = :run_id;

-- name: forget_run
DELETE FROM run WHERE run_id = :run_id;

-- name: runs
-- Newest first, in the order of their beginning: clocks may go backwards. (Format 1 had no number.)
SELECT run.*,
  (SELECT count(*) FROM job WHERE job.run_id = run.run_id) AS jobs,
  (SELECT count(*) FROM job WHERE job.run_id = run.run_id AND verdict = 'done') AS done,
  (SELECT count(*) FROM job WHERE job.run_id = run.run_id AND verdict IS NOT NULL AND verdict <> 'done') AS failed,
  (SELECT coalesce(sum(records), 0) FROM dataset WHERE dataset.run_id = run.run_id) AS records
FROM run ORDER BY run.rowid DESC;

-- name: run_ids
-- Newest first, with what was asked.
SELECT run_id, request FROM run ORDER BY rowid DESC;

-- name: asked_for_stream
-- Whether a run has asked for a stream.
SELECT 1 FROM job WHERE stream = :stream AND run_id = :run_id LIMIT 1;

-- name: run_and_plan
SELECT run_id, plan_id, started_at FROM run WHERE run_id = :run_id;

-- name: jobs_asked
-- What a run asked for, in plan order, without what came of it.
SELECT job.job_id, job.kind, job.name, job.stream, job.since, stream.job, stream.who, stream.connection
FROM job JOIN stream ON stream.id = job.stream WHERE job.run_id = :run_id ORDER BY job.ordinal;

-- name: jobs
SELECT * FROM job WHERE run_id = :run_id ORDER BY ordinal;

-- name: datasets
SELECT * FROM dataset WHERE run_id = :run_id ORDER BY kind, name;

-- name: events
-- In the order in which they happened.
SELECT kind, body FROM event WHERE run_id = :run_id AND ordinal = :ordinal ORDER BY seq;

-- name: begun
SELECT DISTINCT ordinal FROM event WHERE run_id = :run_id;

-- name: issued
SELECT kind, body FROM event WHERE run_id = :run_id AND kind = 'TokenIssued';

-- name: hold
INSERT OR REPLACE INTO hold (connection, until, seconds, status) VALUES (:connection, :until, :seconds, :status);

-- name: held
SELECT until, seconds, status FROM hold WHERE connection = :connection;

-- name: add_stream
INSERT OR REPLACE INTO stream (id, kind, name, job, who, connection)
VALUES (:id, :kind, :name, :job, :who, :connection);

-- name: name_stream
UPDATE job SET stream = :stream WHERE run_id = :run_id AND ordinal = :ordinal AND stream = '';

-- name: streams
SELECT * FROM stream ORDER BY kind, name, job, id;

-- name: watermarks
SELECT * FROM watermark;

-- name: watermark
SELECT * FROM watermark WHERE stream = :stream;

-- name: move_watermark
INSERT OR REPLACE INTO watermark (stream, at, number) VALUES (:stream, :at, :number);

-- name: add_watermark_change
INSERT INTO watermark_change (stream, was, at, changed_at, reason) VALUES (:stream, :was, :at, :changed_at, :reason);

-- name: watermark_changes
-- Newest first.
SELECT stream, was, at, changed_at, reason FROM watermark_change ORDER BY seq DESC;

-- name: add_span
INSERT OR REPLACE INTO span (stream, run, number, publication, since, until, published_at, path)
VALUES (:stream, :run, :number, :publication, :since, :until, :published_at, :path);

-- name: spans
SELECT * FROM span ORDER BY stream, number;

-- name: add_cost
INSERT OR REPLACE INTO cost (stream, run, number, window, jobs, records, bytes, pages, page, exports, retries, timed,
  requests, seconds, longest, waited, quick, unready, usual, slow, started_at, published_at)
VALUES (:stream, :run, :number, :window, :jobs, :records, :bytes, :pages, :page, :exports, :retries, :timed,
  :requests, :seconds, :longest, :waited, :quick, :unready, :usual, :slow, :started_at, :published_at);

-- name: costs
-- Newest first.
SELECT * FROM cost WHERE stream = :stream ORDER BY number DESC LIMIT :nights;
