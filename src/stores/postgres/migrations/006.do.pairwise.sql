-- Pairwise subjects (OpenID Connect Core 8.1): the one secret that they are derived by, wrapped as signing keys are.

CREATE TABLE pairwise_secret (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  jwe text NOT NULL
);
