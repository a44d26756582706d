// The log: JSON lines by pino. The rule it keeps: no secret and no token reaches it. Queries and bodies are never
// logged at all; the names below are the second fence.

import { type LoggerOptions, stdSerializers } from 'pino';
import type { Asked } from './events.ts';

const secretNames = [
  'authorization',
  'cookie',
  'client_secret',
  'client_assertion',
  'password',
  'access_token',
  'refresh_token',
  'id_token',
  'code',
];

/** What is told of a request: never its query, its headers or its body. */
const request = ({ method, url, ip }: Asked) => ({ method, path: url.replace(/[?#].*/s, ''), address: ip });

/** pino's options; `level` is config.log_level. */
export const logOptions = (level: string): LoggerOptions => ({
  level,
  base: null,
  serializers: { req: request, err: stdSerializers.err },
  redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
});
