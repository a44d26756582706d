-- Sign-ins and their refresh tokens, attempts, revoked access tokens, the fingerprints of root secrets.
--
-- No token and no secret stands in any of these. What changes with every refresh is not indexed, so that the update
-- stays on its page.

ALTER TABLE clients ADD COLUMN tokens_valid_after double precision;

CREATE TABLE families (
  id bytea PRIMARY KEY,
  client_id text COLLATE "C" NOT NULL,
  sub text COLLATE "C" NOT NULL,
  session text NOT NULL,
  scope text,
  resources text[] NOT NULL,
  auth_time double precision NOT NULL,
  acr text NOT NULL,
  amr text[] NOT NULL,
  created_at double precision NOT NULL,
  expires_at double precision NOT NULL,
  idle_lifetime double precision NOT NULL,
  account_cut_off double precision,
  client_cut_off double precision,
  floor_generation bigint NOT NULL,
  floor_since double precision NOT NULL,
  floor_mac_key smallint NOT NULL,
  revoked_at double precision,
  revocation text,
  tombstone_due boolean NOT NULL DEFAULT false
) WITH (fillfactor = 85);
CREATE INDEX families_sub ON families (sub);
CREATE INDEX families_expires_at ON families (expires_at);
CREATE INDEX families_tombstone_due ON families (id) WHERE tombstone_due;

-- The hot half, where there is no Redis. The day is what a sweep looks for: it seldom changes, the instant always.
CREATE TABLE family_states (
  id bytea PRIMARY KEY,
  state text NOT NULL,
  expires_at double precision NOT NULL,
  expires_on integer GENERATED ALWAYS AS (floor(expires_at / 86400)::integer) STORED
) WITH (fillfactor = 70);
CREATE INDEX family_states_expires_on ON family_states (expires_on);

CREATE TABLE attempts (
  digest bytea PRIMARY KEY,
  count integer NOT NULL,
  until double precision NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX attempts_until ON attempts (until);

CREATE TABLE revoked_tokens (
  digest bytea PRIMARY KEY,
  expires_at double precision NOT NULL
);
CREATE INDEX revoked_tokens_expires_at ON revoked_tokens (expires_at);

-- Accounts that came from Django, until their first sign-in here.
CREATE INDEX accounts_imported ON accounts ((split_part(password_hash, '$', 2)::integer))
  WHERE password_hash LIKE 'pbkdf2\_sha256$%';

CREATE TABLE root_secrets (
  number smallint PRIMARY KEY CHECK (number BETWEEN 1 AND 255),
  fingerprint text NOT NULL UNIQUE,
  since double precision NOT NULL,
  until double precision NOT NULL
);
