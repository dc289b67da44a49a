-- What near copies of a medium are recognised by, where an engine has judged it. `sketch` confirms a copy.
CREATE TABLE likenesses (
    media_id INTEGER PRIMARY KEY REFERENCES media (id),
    sketch   BLOB NOT NULL
);

-- The pieces of its perceptual hashes: a near copy shares some of them. A piece holds its place in the hash.
CREATE TABLE likeness_pieces (
    piece    INTEGER NOT NULL,
    media_id INTEGER NOT NULL REFERENCES likenesses (media_id) ON DELETE CASCADE,
    PRIMARY KEY (piece, media_id)
) WITHOUT ROWID;
CREATE INDEX likeness_pieces_by_media ON likeness_pieces (media_id);

-- The medium whose analysis answered for this one, a near copy of it.
ALTER TABLE analyses ADD COLUMN copy_of INTEGER REFERENCES media (id);
CREATE INDEX analyses_by_copy ON analyses (copy_of) WHERE copy_of IS NOT NULL;
