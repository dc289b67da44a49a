-- Which weights gave a score, so that a calibration never mixes those of two.
ALTER TABLE scores ADD COLUMN weights TEXT;
