// Asks a URL that somebody else chose, for a small JSON document or by posting a form, and never this machine or its network
// (server-side request forgery; OpenID Connect Core 10.1.1, RFC 9700). The rule it keeps: every address that the
// name resolves to is public, and the connection goes to the very address that was looked at.
import { lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Dispatcher } from 'undici';
import { isLoopbackHost } from './loopback.ts';

export interface FetchLimits {
  /** http on loopback too: only where the issuer itself is http on loopback */
  readonly allowLoopback: boolean;
  /** seconds for everything, from the name to the last byte */
  readonly timeLimit?: number;
}

/** An issuer on http is one on loopback (config/rules.ts), where its clients are too. */
export const fetchLimitsOf = (issuer: string): FetchLimits => ({ allowLoopback: issuer.startsWith('http:') });

const sizeLimit = 65_536;

/**
 * Makes a fetcher. It follows no redirect and knows no proxy. Rejects with an Error that says why: a scheme or an
 * address that is not allowed, no answer in time, a status other than 200, more than 64 kB, or no JSON.
 */
export function documentFetcher(limits: FetchLimits) {
  const headers = { accept: 'application/jwk-set+json, application/json' };
  return (address: string): Promise<unknown> =>
    ask(limits, address, { method: 'GET', headers }, async ({ statusCode, body }) => {
      if (statusCode !== 200) throw new Error(`the answer has status ${statusCode}, not 200`);
      return body.json();
    });
}

/**
 * Makes what posts a form, by the same rules. The answer is its status, whatever it is; nothing else of it is read.
 * Rejects with an Error that says why there is none.
 */
export function formPoster(limits: FetchLimits) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return (address: string, form: Readonly<Record<string, string>>): Promise<number> => {
    const request = { method: 'POST', headers, body: new URLSearchParams(form).toString() } as const;
    return ask(limits, address, request, async ({ statusCode }) => statusCode);
  };
}

type Request = Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'>;

async function ask<T>(
  { allowLoopback, timeLimit = 5 }: FetchLimits,
  address: string,
  request: Request,
  read: (response: Dispatcher.ResponseData) => Promise<T>,
): Promise<T> {
  const url = new URL(address);
  const isLocal = allowLoopback && isLoopbackHost(url.hostname);
  if (url.protocol !== 'https:' && !(isLocal && url.protocol === 'http:')) {
    throw new Error(`${url.protocol} is not allowed, only https:`);
  }
  const allowed = isLocal ? ['unicast', 'loopback'] : ['unicast'];
  // An address in the URL is never looked up, so it is looked at here.
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host)) assertAllowed(host, allowed);
  const signal = AbortSignal.timeout(timeLimit * 1000);
  // Large, and needed only where a client has a URL that is asked.
  const { Client } = await import('undici');
  const client = new Client(url.origin, {
    connect: { lookup: pinned(allowed) },
    maxResponseSize: sizeLimit,
    maxHeaderSize: 16_384,
  });
  try {
    return await read(await client.request({ ...request, path: url.pathname + url.search, signal }));
  } finally {
    await client.destroy();
  }
}

/** A look-up that fails unless every address is allowed. */
function pinned(allowed: readonly string[]): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      try {
        for (const { address } of addresses) assertAllowed(address, allowed);
      } catch (refusal) {
        return callback(refusal as Error, '');
      }
      const first = addresses[0];
      if (options.all) return callback(null, addresses);
      return first ? callback(null, first.address, first.family) : callback(new Error('no address'), '');
    });
  };
}

function assertAllowed(address: string, allowed: readonly string[]): void {
  const range = ipaddr.parse(address).range();
  if (!allowed.includes(range)) throw new Error(`the address ${address} is ${range}, not public`);
}
