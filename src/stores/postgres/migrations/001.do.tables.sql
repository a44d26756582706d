-- The first tables: what src/stores/stores.ts promises, kept.
--
-- Instants are epoch seconds in double precision: they come back bit for bit, and may be Infinity. Names are
-- COLLATE "C", so that every server orders them alike, whatever its locale. Nothing here is newer than Postgres 15.

CREATE TABLE clients (
  client_id text COLLATE "C" PRIMARY KEY,
  metadata jsonb NOT NULL,
  -- Newest first. In the client's row and not in a table of their own: to count the live ones and to add or
  -- retire one is then a single update of a single row, which cannot be raced.
  secrets jsonb NOT NULL CHECK (jsonb_array_length(secrets) <= 2),
  created_at double precision NOT NULL,
  updated_at double precision NOT NULL,
  disabled_at double precision
);

CREATE TABLE resources (
  resource text COLLATE "C" PRIMARY KEY,
  scopes text[] NOT NULL,
  access_token_lifetime double precision,
  profile text NOT NULL,
  signing_alg text NOT NULL,
  created_at double precision NOT NULL,
  updated_at double precision NOT NULL
);

CREATE TABLE accounts (
  sub text COLLATE "C" PRIMARY KEY,
  email text NOT NULL,
  -- The e-mail without regard to case, folded by the service: lower() knows only ASCII where the locale is C.
  folded_email text COLLATE "C" NOT NULL UNIQUE,
  name text,
  password_hash text,
  claims jsonb NOT NULL,
  created_at double precision NOT NULL,
  updated_at double precision NOT NULL,
  disabled_at double precision,
  tokens_valid_after double precision
);

-- One row: the revision that every change of the keys compares and swaps.
CREATE TABLE key_set (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision integer NOT NULL DEFAULT 0,
  last_t double precision NOT NULL DEFAULT 0
);
INSERT INTO key_set DEFAULT VALUES;

-- Every key there ever was; a dead one has no private half and is a few hundred bytes.
CREATE TABLE signing_keys (
  kid text COLLATE "C" PRIMARY KEY,
  alg text NOT NULL,
  public_jwk jsonb NOT NULL,
  private_jwe text,
  publish_at double precision NOT NULL,
  activate_at double precision NOT NULL,
  retire_at double precision NOT NULL,
  remove_at double precision NOT NULL,
  revoked_at double precision,
  last_token_expires_at double precision NOT NULL,
  longest_lifetime double precision NOT NULL
);

CREATE TABLE leases (
  name text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  until double precision NOT NULL
);

-- By digest: an identifier may be of any length and hold any character.
CREATE TABLE replays (
  digest bytea PRIMARY KEY,
  expires_at double precision NOT NULL
);
CREATE INDEX replays_expires_at ON replays (expires_at);

CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at double precision NOT NULL,
  event text NOT NULL,
  actor text NOT NULL,
  subject text COLLATE "C" NOT NULL,
  details jsonb
);
CREATE INDEX audit_log_subject ON audit_log (subject, id);
