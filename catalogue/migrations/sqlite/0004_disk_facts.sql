-- What was found in a generation's disk; all of it null for one that was never looked into, and each fact that could
-- not be read.

ALTER TABLE generation ADD COLUMN os TEXT;
ALTER TABLE generation ADD COLUMN os_version TEXT;
ALTER TABLE generation ADD COLUMN architecture TEXT;
-- What can start it, which the image's boot_type may contradict.
ALTER TABLE generation ADD COLUMN started_by TEXT CHECK (started_by IN ('bios', 'uefi', 'both', 'neither'));
ALTER TABLE generation ADD COLUMN first_boot TEXT CHECK (first_boot IN ('cloud-init', 'cloudbase-init', 'none'));
-- Whether Windows has a driver for a disk on KVM.
ALTER TABLE generation ADD COLUMN virtio INTEGER CHECK (virtio IN (0, 1));
ALTER TABLE generation ADD COLUMN can_grow INTEGER CHECK (can_grow IN (0, 1));
ALTER TABLE generation ADD COLUMN inspected_at TEXT;
