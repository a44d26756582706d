-- What has ended lately, for those who verify without asking: found without looking at what lives.

CREATE INDEX families_revoked_at ON families (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX accounts_tokens_valid_after ON accounts (tokens_valid_after) WHERE tokens_valid_after IS NOT NULL;
