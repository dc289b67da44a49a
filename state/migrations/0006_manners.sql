-- Whom operators have turned away, beside the configured list. `handle` is in small letters, without the @; a row
-- with `platform_id` names that person whatever their handle is now, one without whoever has the handle.
CREATE TABLE blocks (
    id          INTEGER PRIMARY KEY,
    platform    TEXT NOT NULL,
    platform_id TEXT,
    handle      TEXT NOT NULL,
    reason      TEXT NOT NULL,
    by          TEXT NOT NULL,
    at          TEXT NOT NULL
);
CREATE UNIQUE INDEX blocks_by_person ON blocks (platform, platform_id) WHERE platform_id IS NOT NULL;
CREATE UNIQUE INDEX blocks_by_handle ON blocks (platform, handle) WHERE platform_id IS NULL;

-- What operators have switched, as last set: 'pause' keeps replies in the outbox.
CREATE TABLE switches (
    name   TEXT PRIMARY KEY,
    is_on  INTEGER NOT NULL,
    reason TEXT NOT NULL,
    by     TEXT NOT NULL,
    at     TEXT NOT NULL
) WITHOUT ROWID;

-- What was asked for behind the handle, and the thread: the platform's name for it, or its highest post that is known.
ALTER TABLE mentions ADD COLUMN language TEXT;
ALTER TABLE mentions ADD COLUMN details INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mentions ADD COLUMN thread TEXT;
CREATE INDEX mentions_by_thread ON mentions (thread, mode, platform) WHERE thread IS NOT NULL;

-- Whether a post is one of the bot's own replies, and to whom.
CREATE INDEX replies_by_platform_id ON replies (platform_id) WHERE platform_id IS NOT NULL;
