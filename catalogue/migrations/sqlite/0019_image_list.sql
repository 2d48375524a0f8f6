-- Images by name, page by page, and how many there are, without reading them all.
CREATE INDEX image_list ON image (environment_id, name, gid, status);
