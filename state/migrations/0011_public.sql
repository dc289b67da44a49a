-- Verdicts' public pages, by unguessable names. A page that was taken down keeps its row, so that its address says so.
CREATE TABLE public_pages (
    id         INTEGER PRIMARY KEY,
    token      TEXT NOT NULL UNIQUE,
    mention_id INTEGER NOT NULL UNIQUE REFERENCES mentions (id),
    created_at TEXT NOT NULL,
    removed_at TEXT
);
