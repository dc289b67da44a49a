-- The data model of Veritag, whole. Times are ISO 8601 in UTC with microseconds, so that they sort as text.
-- `mode` is 'live' or 'test': what test mode did never counts as done in a live run.

-- How far each platform's mentions have been stored. Written only after the page that it stands behind.
CREATE TABLE cursors (
    platform  TEXT NOT NULL,
    mode      TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    cursor    TEXT NOT NULL,
    stored_at TEXT NOT NULL,
    PRIMARY KEY (platform, mode)
) WITHOUT ROWID;

-- People who have tagged the bot.
CREATE TABLE askers (
    id           INTEGER PRIMARY KEY,
    platform     TEXT NOT NULL,
    platform_id  TEXT NOT NULL,
    handle       TEXT NOT NULL,
    first_seen   TEXT NOT NULL,
    opted_out_at TEXT,
    UNIQUE (platform, platform_id)
);

-- Posts as last seen on their platform. `attachments` and `links` are JSON; *_id columns are the platform's ids.
CREATE TABLE posts (
    id            INTEGER PRIMARY KEY,
    platform      TEXT NOT NULL,
    platform_id   TEXT NOT NULL,
    author_id     TEXT NOT NULL,
    author_handle TEXT NOT NULL,
    author_is_bot INTEGER NOT NULL,
    created_at    TEXT NOT NULL,
    text          TEXT NOT NULL,
    language      TEXT,
    url           TEXT,
    attachments   TEXT NOT NULL,
    links         TEXT NOT NULL,
    parent_id     TEXT,
    quoted_id     TEXT,
    boosted_id    TEXT,
    fetched_at    TEXT NOT NULL,
    UNIQUE (platform, platform_id)
);

-- Somebody tagged the bot. `post_id` is the post that tags it, `target_id` the post to be checked once that is known.
-- state: seen -> resolved -> analysed -> answered; or ignored / failed with a reason at any point.
CREATE TABLE mentions (
    id         INTEGER PRIMARY KEY,
    mode       TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    platform   TEXT NOT NULL,
    asker_id   INTEGER NOT NULL REFERENCES askers (id),
    post_id    INTEGER NOT NULL REFERENCES posts (id),
    target_id  INTEGER REFERENCES posts (id),
    created_at TEXT NOT NULL,
    seen_at    TEXT NOT NULL,
    closed_at  TEXT,
    state      TEXT NOT NULL CHECK (state IN ('seen', 'resolved', 'analysed', 'answered', 'ignored', 'failed')),
    reason     TEXT,
    detail     TEXT,
    band       TEXT CHECK (band IN ('trusted', 'low', 'uncertain', 'high', 'unknown')),
    UNIQUE (mode, post_id)
);
-- Without the ignored: a count for the hourly limit stays short, however much one person sends.
CREATE INDEX mentions_by_asker ON mentions (asker_id, mode, seen_at) WHERE state <> 'ignored';
CREATE INDEX mentions_by_target ON mentions (target_id, mode, asker_id);
CREATE INDEX mentions_by_state ON mentions (mode, state, id);

-- Files on this machine, by content. `deleted_at` is set when the file is gone and only the record is kept.
CREATE TABLE media (
    id         INTEGER PRIMARY KEY,
    sha256     TEXT NOT NULL UNIQUE,
    mime       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    deleted_at TEXT
);

-- The media of a post, in order; one that could not be had keeps its place with the reason.
CREATE TABLE post_media (
    post_id    INTEGER NOT NULL REFERENCES posts (id),
    position   INTEGER NOT NULL,
    source_url TEXT NOT NULL,
    alt_text   TEXT,
    media_id   INTEGER REFERENCES media (id),
    reason     TEXT,
    detail     TEXT,
    PRIMARY KEY (post_id, position),
    CHECK ((media_id IS NULL) <> (reason IS NULL))
) WITHOUT ROWID;
CREATE INDEX post_media_by_media ON post_media (media_id);

-- One run of the engine on one medium; `fingerprint` names detectors, weights, calibration and policy.
-- A medium that could not be judged keeps the reason instead of a verdict. `probe` and `timing` are JSON.
CREATE TABLE analyses (
    id          INTEGER PRIMARY KEY,
    media_id    INTEGER NOT NULL REFERENCES media (id),
    fingerprint TEXT NOT NULL,
    finished_at TEXT NOT NULL,
    kind        TEXT CHECK (kind IN ('image', 'video', 'audio')),
    probe       TEXT NOT NULL,
    timing      TEXT NOT NULL,
    reason      TEXT,
    detail      TEXT,
    UNIQUE (media_id, fingerprint)
);

-- Each detector's output in an analysis: a score in [0, 1] (1 = fake), or not applicable with a reason.
CREATE TABLE scores (
    analysis_id INTEGER NOT NULL REFERENCES analyses (id),
    detector    TEXT NOT NULL,
    score       REAL CHECK (score BETWEEN 0 AND 1),
    applicable  INTEGER NOT NULL,
    reason      TEXT,
    evidence    TEXT NOT NULL,
    PRIMARY KEY (analysis_id, detector)
) WITHOUT ROWID;

-- The ensemble's answer. `reasons` is JSON [{code, text}]; `calibration` says what the probability rests on.
CREATE TABLE verdicts (
    analysis_id INTEGER PRIMARY KEY REFERENCES analyses (id),
    band        TEXT NOT NULL CHECK (band IN ('trusted', 'low', 'uncertain', 'high', 'unknown')),
    probability REAL CHECK (probability BETWEEN 0.01 AND 0.99),
    policy      TEXT NOT NULL,
    reasons     TEXT NOT NULL,
    calibration TEXT
);

-- The outbox: a reply is a row before it is a request. `revision` counts the corrections of one mention.
-- 'sending' means that a request may have left: read back before any other.
CREATE TABLE replies (
    id          INTEGER PRIMARY KEY,
    mention_id  INTEGER NOT NULL REFERENCES mentions (id),
    kind        TEXT NOT NULL CHECK (kind IN ('pending', 'verdict', 'failure', 'correction')),
    revision    INTEGER NOT NULL DEFAULT 0,
    key         TEXT NOT NULL UNIQUE,
    state       TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'withdrawn')),
    in_reply_to TEXT NOT NULL,
    text        TEXT NOT NULL,
    language    TEXT NOT NULL,
    wording     TEXT NOT NULL,
    band        TEXT,
    created_at  TEXT NOT NULL,
    sent_at     TEXT,
    platform_id TEXT,
    url         TEXT,
    reason      TEXT,
    detail      TEXT,
    UNIQUE (mention_id, kind, revision)
);

-- How often each kind of wording was used, so that the next reply takes another one.
CREATE TABLE turns (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL
) WITHOUT ROWID;

-- A person's judgement of a medium; the newest one counts and overrides the ensemble.
CREATE TABLE reviews (
    id         INTEGER PRIMARY KEY,
    media_id   INTEGER NOT NULL REFERENCES media (id),
    label      TEXT NOT NULL CHECK (label IN ('real', 'fake', 'manipulated', 'satire', 'cannot_tell')),
    note       TEXT NOT NULL,
    reviewer   TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX reviews_by_media ON reviews (media_id, id);

-- The log of everything that happened, in order, append-only. `data` is JSON.
CREATE TABLE events (
    id         INTEGER PRIMARY KEY,
    at         TEXT NOT NULL,
    mode       TEXT NOT NULL,
    name       TEXT NOT NULL,
    mention_id INTEGER REFERENCES mentions (id),
    data       TEXT NOT NULL
);
CREATE INDEX events_by_mention ON events (mention_id, id);

-- Work to be done, one row per step of a mention ('resolve', 'analyse', 'notice') or of a reply ('send').
-- A finished step's row is gone. `attempts` counts failures, `interruptions` leases that ran out.
CREATE TABLE jobs (
    id            INTEGER PRIMARY KEY,
    mode          TEXT NOT NULL CHECK (mode IN ('live', 'test')),
    platform      TEXT NOT NULL,
    step          TEXT NOT NULL CHECK (step IN ('resolve', 'analyse', 'notice', 'send')),
    subject_id    INTEGER NOT NULL,
    queued_at     TEXT NOT NULL,
    due_at        TEXT NOT NULL,
    lease_until   TEXT,
    lease         TEXT,
    attempts      INTEGER NOT NULL DEFAULT 0,
    interruptions INTEGER NOT NULL DEFAULT 0,
    UNIQUE (step, subject_id)
);
CREATE INDEX jobs_ready ON jobs (mode, step, due_at, id) WHERE lease IS NULL;
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE lease IS NOT NULL;
