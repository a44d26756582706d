-- How many tokens each key has signed: news for people, which bounds nothing.

ALTER TABLE signing_keys ADD COLUMN tokens_issued bigint NOT NULL DEFAULT 0;
