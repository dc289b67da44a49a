-- How far the detectors of an analysis lie apart: the highest minus the lowest score, where two or more gave one.
ALTER TABLE verdicts ADD COLUMN spread REAL;
UPDATE verdicts SET spread = (
    SELECT max(s.score) - min(s.score) FROM scores s
    WHERE s.analysis_id = verdicts.analysis_id AND s.applicable AND s.score IS NOT NULL
    HAVING count(*) > 1
);

-- What the operators' queue is filtered and sorted by, a row per mention. Nobody writes here but the triggers in
-- `state/derived/queue.sql`. `reply` and `review` are 'none' where there is none; `probability` and `spread` are the
-- highest of the post's media; `doubt` is 1 at a probability of one half. `reach`, the number of people who asked
-- about the same post, stands at the first mention of that post only.
CREATE TABLE triage (
    mention_id  INTEGER PRIMARY KEY,
    mode        TEXT NOT NULL,
    platform    TEXT NOT NULL,
    state       TEXT NOT NULL,
    seen_at     TEXT NOT NULL,
    language    TEXT NOT NULL,
    target_id   INTEGER,
    band        TEXT,
    probability REAL,
    spread      REAL,
    reply       TEXT NOT NULL,
    review      TEXT NOT NULL,
    reach       INTEGER,
    doubt       REAL AS (1.0 - abs(2.0 * probability - 1.0)) VIRTUAL
);
CREATE INDEX triage_newest ON triage (mode, mention_id);
CREATE INDEX triage_by_day ON triage (mode, seen_at, mention_id);
CREATE INDEX triage_by_platform ON triage (mode, platform, mention_id);
CREATE INDEX triage_by_state ON triage (mode, state, mention_id);
CREATE INDEX triage_by_language ON triage (mode, language, mention_id);
CREATE INDEX triage_by_band ON triage (mode, band, mention_id);
CREATE INDEX triage_by_reply ON triage (mode, reply, mention_id);
CREATE INDEX triage_by_review ON triage (mode, review, mention_id);
CREATE INDEX triage_by_target ON triage (target_id);
CREATE INDEX triage_leads ON triage (target_id, mode) WHERE reach IS NOT NULL;
CREATE INDEX triage_by_doubt ON triage (mode, doubt, mention_id) WHERE doubt IS NOT NULL;
CREATE INDEX triage_by_spread ON triage (mode, spread, mention_id) WHERE spread IS NOT NULL;
CREATE INDEX triage_by_reach ON triage (mode, reach, mention_id) WHERE reach IS NOT NULL;

-- The words by which operators find mentions; a row's id is its mention's. Kept by the same triggers.
CREATE VIRTUAL TABLE search USING fts5 (
    handles, posts, replies, notes, tokenize = 'unicode61 remove_diacritics 2'
);

-- Filters that an operator has kept under a name; `query` is that of the queue's address.
CREATE TABLE saved_views (
    id         INTEGER PRIMARY KEY,
    owner      TEXT NOT NULL,
    name       TEXT NOT NULL,
    query      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (owner, name)
);

-- Which version of the derived views and triggers this file has; see `state/derived`.
CREATE TABLE derived (
    name   TEXT PRIMARY KEY,
    digest TEXT NOT NULL
) WITHOUT ROWID;
