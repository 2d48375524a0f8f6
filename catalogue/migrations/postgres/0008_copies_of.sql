-- Where a generation is, without reading the copies of all others: each page of images asks that.
CREATE INDEX copy_of ON copy (generation_id);
