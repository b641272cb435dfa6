-- Who showed the code by which a phone was paired; absent for a sign-in by password.
ALTER TABLE token_family ADD COLUMN paired_by {uuid} REFERENCES app_user (id);
