-- Who may what, and by which tokens, is changed by somebody too.
ALTER TABLE audit DROP CONSTRAINT audit_subject_check;
ALTER TABLE audit ADD CONSTRAINT audit_subject_check CHECK (subject IN ('image', 'stack', 'pool', 'user'));
