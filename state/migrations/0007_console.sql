-- Operators who may use the console. Without a `password` (an argon2 hash) they sign in elsewhere, as `subject`.
CREATE TABLE accounts (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE COLLATE NOCASE,
    role        TEXT NOT NULL CHECK (role IN ('viewer', 'reviewer', 'admin')),
    password    TEXT,
    subject     TEXT UNIQUE,
    created_at  TEXT NOT NULL,
    disabled_at TEXT
);

-- Browsers that are signed in; only the hash of a session's token is kept.
CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_account ON sessions (account_id);

-- What operators did, in order, append-only but for `undone_by`. `subject` names what it was done to, such as
-- 'mention:12', 'medium:SHA256', 'account:ann'. `data` is JSON and holds what an undo needs.
CREATE TABLE audit (
    id        INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,
    mode      TEXT NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    data      TEXT NOT NULL,
    undone_by INTEGER REFERENCES audit (id)
);
CREATE INDEX audit_by_subject ON audit (subject, id);

-- Figures of the last hours, and failures by reason, without reading every mention.
CREATE INDEX mentions_by_end ON mentions (mode, closed_at, state, reason) WHERE closed_at IS NOT NULL;
CREATE INDEX replies_by_state ON replies (kind, state, mention_id);
