-- What is wrong with a generation's disk, one finding a line; empty: nothing that is known.

ALTER TABLE generation ADD COLUMN findings TEXT NOT NULL DEFAULT '';
