-- Signing people in: what waits while they answer, who is signed in where, who allowed what.
--
-- What a browser or a client holds stands here only as a digest.

CREATE TABLE documents (
  digest bytea PRIMARY KEY,
  body text NOT NULL,
  expires_at double precision NOT NULL
);
CREATE INDEX documents_expires_at ON documents (expires_at);

CREATE TABLE sessions (
  digest bytea PRIMARY KEY,
  sid text COLLATE "C" NOT NULL UNIQUE,
  sub text COLLATE "C" NOT NULL,
  auth_time double precision NOT NULL,
  acr text NOT NULL,
  amr text[] NOT NULL,
  created_at double precision NOT NULL,
  last_seen_at double precision NOT NULL,
  expires_at double precision NOT NULL,
  account_cut_off double precision,
  user_agent text NOT NULL,
  address text NOT NULL,
  -- who got tokens in it, and is told when it ends
  clients text[] COLLATE "C" NOT NULL DEFAULT '{}'
) WITH (fillfactor = 85);
CREATE INDEX sessions_sub ON sessions (sub);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

-- OpenID Connect Back-Channel Logout: what clients are still to be told.
CREATE TABLE logout_notices (
  sid text COLLATE "C" NOT NULL,
  client_id text COLLATE "C" NOT NULL,
  sub text COLLATE "C" NOT NULL,
  ended_at double precision NOT NULL,
  attempts integer NOT NULL,
  due_at double precision NOT NULL,
  PRIMARY KEY (sid, client_id)
);
CREATE INDEX logout_notices_due_at ON logout_notices (due_at);

CREATE TABLE consents (
  sub text COLLATE "C" NOT NULL,
  client_id text COLLATE "C" NOT NULL,
  scopes text[] NOT NULL,
  resources text[] NOT NULL,
  claims text[] NOT NULL,
  granted_at double precision NOT NULL,
  PRIMARY KEY (sub, client_id)
);

-- OpenID Connect Core 5.5: claims that were asked for by name, for as long as the family lives.
ALTER TABLE families ADD COLUMN claims_request jsonb;
