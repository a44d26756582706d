-- Second factors: what an account shows beside its password, and what resources ask for.
--
-- Recovery codes stand here as digests. The secret of a TOTP app has to be known to verify a code, so it stands here as
-- a JWE under a key-encryption key, which the database never has.

CREATE TABLE second_factors (
  sub text COLLATE "C" PRIMARY KEY,
  factors jsonb NOT NULL
);
CREATE UNIQUE INDEX second_factors_handle ON second_factors ((factors->>'handle'));

ALTER TABLE resources ADD COLUMN require_acr text;
