// An issuer as the world sees it: its metadata and its keys, over HTTP (RFC 8414 3, OpenID Connect Discovery 4). For
// operators alone, who name the URL themselves; https, or http that stays on this machine.
import type { Clock } from './clock.ts';
import { isSecureUri } from './oauth/uris.ts';
import { OperatorError } from './operator-error.ts';

/** One answer over HTTP. */
export interface Answer {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  /** undefined where the body is no JSON */
  readonly body: unknown;
  /** the instant, by our own clock, half-way between question and answer */
  readonly at: number;
}

type JsonObject = Readonly<Record<string, unknown>>;

const timeLimit = 5;

/** Asks. Throws OperatorError where the URL is not safe to ask, or nobody answers. */
export async function ask(url: string, clock: Clock, headers: Record<string, string> = {}): Promise<Answer> {
  if (!isSecureUri(url)) {
    throw new OperatorError(
      `${url} is not asked: give an https URL, or http on localhost, 127.0.0.1 or [::1]`,
    );
  }
  const before = clock.now();
  try {
    const signal = AbortSignal.timeout(timeLimit * 1000);
    const response = await fetch(url, { headers, redirect: 'error', signal });
    const at = (before + clock.now()) / 2;
    const body: unknown = await response.json().catch(() => undefined);
    return { url, status: response.status, headers: response.headers, body, at };
  } catch (cause) {
    throw new OperatorError(`${url} does not answer (${reasonOf(cause)}): see that it runs there`, 1, {
      cause,
    });
  }
}

function assertSecure(url: string): void {
  if (isSecureUri(url)) return;
  throw new OperatorError(`${url} is not asked: give an https URL, or http on localhost, 127.0.0.1 or [::1]`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeLimit} s`;
  const { code, message } = (error.cause ?? error) as { code?: string; message: string };
  return code ?? message;
}

/** The issuer's metadata: OpenID Connect's path, then OAuth's. Throws OperatorError where there is none. */
export async function discover(
  issuer: string,
  clock: Clock,
): Promise<{ answer: Answer; metadata: JsonObject }> {
  assertSecure(issuer);
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const urls = [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
  for (const url of urls) {
    const answer = await ask(url, clock);
    if (answer.status === 200 && isObject(answer.body)) return { answer, metadata: answer.body };
  }
  throw new OperatorError(
    `there is no issuer's metadata at ${urls.join(' nor at ')}: is this the issuer URL?`,
  );
}

/** The keys that the metadata points to. Throws OperatorError where they cannot be had. */
export async function publishedKeys(
  { jwks_uri }: JsonObject,
  clock: Clock,
): Promise<{ answer: Answer; keys: readonly JsonObject[] }> {
  if (typeof jwks_uri !== 'string')
    throw new OperatorError('the metadata names no jwks_uri: nothing can be verified');
  const answer = await ask(jwks_uri, clock);
  const keys = (answer.body as { keys?: unknown } | undefined)?.keys;
  if (answer.status !== 200 || !Array.isArray(keys)) {
    throw new OperatorError(`there is no JWK Set at ${jwks_uri}: it answers with status ${answer.status}`);
  }
  return { answer, keys: keys.filter(isObject) };
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
