-- Letters that are still to be mailed. No link stands here: it is made when its letter is sent.

CREATE TABLE letters (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL,
  email text NOT NULL,
  language text NOT NULL,
  interaction text,
  created_at double precision NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  due_at double precision NOT NULL
);
CREATE INDEX letters_due_at ON letters (due_at);
