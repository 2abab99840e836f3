-- What readers have already of one stream: of each record its key and a digest of the state it was last published in.

-- name: schema
CREATE TABLE standing (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    journal TEXT NOT NULL,          -- the id of the journal whose publications are counted
    publication INTEGER NOT NULL,   -- the number of the last one that was taken in
    announced INTEGER NOT NULL,     -- the number of the last one that was about to be
    until TEXT,                     -- the server's time up to which it holds everything; NULL if unknown
    rule TEXT NOT NULL              -- key and version, as the configuration had them
) STRICT;
CREATE TABLE seen (key INTEGER PRIMARY KEY, version BLOB NOT NULL) STRICT;

-- name: tune
PRAGMA cache_size = -16384

-- name: standing
SELECT journal, publication, announced, until, rule FROM standing

-- name: stand
INSERT OR REPLACE INTO standing (only_one, journal, publication, announced, until, rule)
VALUES (1, :journal, :publication, :announced, :until, :rule)

-- name: announce
UPDATE standing SET announced = :number

-- name: recall
SELECT key, version FROM seen WHERE key IN (SELECT value FROM json_each(:keys))

-- name: remember
INSERT INTO seen (key, version) VALUES (:key, :version)
ON CONFLICT (key) DO UPDATE SET version = excluded.version
