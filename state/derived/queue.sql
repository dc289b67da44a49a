-- What the operators' queue knows of each mention. Every trigger here says again what the two views say.
-- No REPLACE in a trigger: within an upsert, SQLite applies the outer statement's way with conflicts to it.

CREATE VIEW derived_triage AS
SELECT
    m.id AS mention_id, m.mode, m.platform, m.state, m.seen_at, coalesce(p.language, '') AS language, m.target_id, m.band,
    CASE WHEN m.band IS NOT NULL THEN (
        SELECT max(v.probability) FROM post_media pm JOIN verdicts v
        ON v.analysis_id = (SELECT max(a.id) FROM analyses a WHERE a.media_id = pm.media_id)
        WHERE pm.post_id = m.target_id
    ) END AS probability,
    CASE WHEN m.band IS NOT NULL THEN (
        SELECT max(v.spread) FROM post_media pm JOIN verdicts v
        ON v.analysis_id = (SELECT max(a.id) FROM analyses a WHERE a.media_id = pm.media_id)
        WHERE pm.post_id = m.target_id
    ) END AS spread,
    coalesce((
        SELECT r.state FROM replies r WHERE r.mention_id = m.id AND r.kind <> 'pending' ORDER BY r.id DESC LIMIT 1
    ), 'none') AS reply,
    coalesce((
        SELECT nullif(r.label, 'withdrawn') FROM post_media pm JOIN reviews r
        ON r.id = (SELECT max(n.id) FROM reviews n WHERE n.media_id = pm.media_id)
        WHERE pm.post_id = m.target_id ORDER BY r.id DESC LIMIT 1
    ), 'none') AS review,
    CASE WHEN m.id = (SELECT min(o.id) FROM mentions o WHERE o.target_id = m.target_id AND o.mode = m.mode)
    THEN (SELECT count(*) FROM mentions o WHERE o.target_id = m.target_id AND o.mode = m.mode) END AS reach
FROM mentions m JOIN posts p ON p.id = m.post_id;

-- The post in question belongs to it from when the mention is judged: until then a mention is found by the asker's own
-- words, and its words are written twice in its life instead of at every step.
CREATE VIEW derived_search AS
SELECT
    m.id AS mention_id,
    p.author_handle || ' ' || coalesce(t.author_handle, '') AS handles,
    p.text || ' ' || coalesce(t.text, '') AS posts,
    (SELECT group_concat(r.text, ' ') FROM replies r WHERE r.mention_id = m.id AND r.kind <> 'pending') AS replies,
    (SELECT group_concat(r.note, ' ') FROM post_media pm JOIN reviews r ON r.media_id = pm.media_id
     WHERE pm.post_id = t.id) AS notes
FROM mentions m JOIN posts p ON p.id = m.post_id
LEFT JOIN posts t ON t.id = m.target_id AND m.state NOT IN ('seen', 'resolved');

DELETE FROM triage;
INSERT INTO triage
    (mention_id, mode, platform, state, seen_at, language, target_id, band, probability, spread, reply, review, reach)
SELECT * FROM derived_triage ORDER BY mention_id;
DELETE FROM search;
INSERT INTO search (rowid, handles, posts, replies, notes) SELECT * FROM derived_search ORDER BY mention_id;

CREATE TRIGGER derived_mention AFTER INSERT ON mentions BEGIN
    INSERT INTO triage
        (mention_id, mode, platform, state, seen_at, language, target_id, band, probability, spread, reply, review, reach)
    SELECT * FROM derived_triage WHERE mention_id = NEW.id;
    INSERT INTO search (rowid, handles, posts, replies, notes) SELECT * FROM derived_search WHERE mention_id = NEW.id;
END;

CREATE TRIGGER derived_mention_gone AFTER DELETE ON mentions BEGIN
    DELETE FROM triage WHERE mention_id = OLD.id;
    DELETE FROM search WHERE rowid = OLD.id;
END;

CREATE TRIGGER derived_state AFTER UPDATE OF state ON mentions BEGIN
    UPDATE triage SET state = NEW.state WHERE mention_id = NEW.id;
END;

CREATE TRIGGER derived_judged AFTER UPDATE OF state, target_id ON mentions
WHEN (OLD.state IN ('seen', 'resolved')) <> (NEW.state IN ('seen', 'resolved'))
OR NEW.state NOT IN ('seen', 'resolved') AND NEW.target_id IS NOT OLD.target_id BEGIN
    DELETE FROM search WHERE rowid = NEW.id;
    INSERT INTO search (rowid, handles, posts, replies, notes) SELECT * FROM derived_search WHERE mention_id = NEW.id;
END;

CREATE TRIGGER derived_band AFTER UPDATE OF band ON mentions BEGIN
    UPDATE triage SET (band, probability, spread) =
        (SELECT d.band, d.probability, d.spread FROM derived_triage d WHERE d.mention_id = NEW.id)
    WHERE mention_id = NEW.id;
END;

CREATE TRIGGER derived_target AFTER UPDATE OF target_id ON mentions WHEN NEW.target_id IS NOT OLD.target_id BEGIN
    UPDATE triage SET target_id = NEW.target_id, reach = NULL, (review, probability, spread) =
        (SELECT d.review, d.probability, d.spread FROM derived_triage d WHERE d.mention_id = NEW.id)
    WHERE mention_id = NEW.id;
    -- One more who asks about this post is counted at the first who did; where there is none, this is the first.
    UPDATE triage SET reach = reach + 1 WHERE target_id = NEW.target_id AND mode = NEW.mode AND reach IS NOT NULL;
    UPDATE triage SET reach = 1 WHERE mention_id = NEW.id AND NEW.target_id IS NOT NULL AND NOT EXISTS
        (SELECT 1 FROM triage o WHERE o.target_id = NEW.target_id AND o.mode = NEW.mode AND o.reach IS NOT NULL);
    -- The post that it asked about before is counted anew.
    UPDATE triage SET reach = NULL WHERE target_id = OLD.target_id AND mode = NEW.mode AND reach IS NOT NULL;
    UPDATE triage SET reach = (SELECT count(*) FROM mentions o WHERE o.target_id = OLD.target_id AND o.mode = NEW.mode)
    WHERE OLD.target_id IS NOT NULL AND mention_id =
        (SELECT min(o.id) FROM mentions o WHERE o.target_id = OLD.target_id AND o.mode = NEW.mode);
END;

CREATE TRIGGER derived_reply AFTER INSERT ON replies WHEN NEW.kind <> 'pending' BEGIN
    UPDATE triage SET reply = NEW.state WHERE mention_id = NEW.mention_id;
END;

CREATE TRIGGER derived_correction AFTER INSERT ON replies WHEN NEW.kind = 'correction' BEGIN
    DELETE FROM search WHERE rowid = NEW.mention_id;
    INSERT INTO search (rowid, handles, posts, replies, notes)
    SELECT * FROM derived_search WHERE mention_id = NEW.mention_id;
END;

CREATE TRIGGER derived_reply_state AFTER UPDATE OF state ON replies WHEN NEW.kind <> 'pending' BEGIN
    UPDATE triage SET reply = NEW.state WHERE mention_id = NEW.mention_id;
END;

CREATE TRIGGER derived_review AFTER INSERT ON reviews BEGIN
    UPDATE triage SET review = coalesce(nullif(NEW.label, 'withdrawn'), 'none')
    WHERE target_id IN (SELECT pm.post_id FROM post_media pm WHERE pm.media_id = NEW.media_id);
    DELETE FROM search WHERE rowid IN (
        SELECT t.mention_id FROM triage t
        WHERE t.target_id IN (SELECT pm.post_id FROM post_media pm WHERE pm.media_id = NEW.media_id)
    );
    INSERT INTO search (rowid, handles, posts, replies, notes)
    SELECT d.* FROM triage t CROSS JOIN derived_search d ON d.mention_id = t.mention_id
    WHERE t.target_id IN (SELECT pm.post_id FROM post_media pm WHERE pm.media_id = NEW.media_id);
END;

CREATE TRIGGER derived_post AFTER UPDATE OF text, author_handle ON posts
WHEN NEW.text IS NOT OLD.text OR NEW.author_handle IS NOT OLD.author_handle BEGIN
    DELETE FROM search WHERE rowid IN (
        SELECT t.mention_id FROM triage t WHERE t.target_id = NEW.id
        UNION SELECT m.id FROM mentions m WHERE m.mode IN ('live', 'test') AND m.post_id = NEW.id
    );
    INSERT INTO search (rowid, handles, posts, replies, notes)
    SELECT d.* FROM (
        SELECT t.mention_id AS id FROM triage t WHERE t.target_id = NEW.id
        UNION SELECT m.id FROM mentions m WHERE m.mode IN ('live', 'test') AND m.post_id = NEW.id
    ) AS touched CROSS JOIN derived_search d ON d.mention_id = touched.id;
END;
