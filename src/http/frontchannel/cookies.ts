// The cookies of the front channel: RFC 6265bis. The rules they keep: a cookie is of this host alone (`__Host-`), no
// script reads it, no other site's form brings it, and on https it never leaves by http. Browsers take `__Host-` from
// https alone, so that on http, which is loopback, the name does without.
import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface Cookie {
  read(request: FastifyRequest): string | undefined;
  /** `lifetime` in seconds; without one it goes with the browser's window. */
  set(reply: FastifyReply, value: string, lifetime?: number): void;
  clear(reply: FastifyReply): void;
}

/** What we put into cookies: 32 random bytes. Nothing else is looked at. */
const valueFormat = /^[A-Za-z0-9_-]{43}$/;

/** A cookie of this issuer: another one on the same host, by path or by port, has others. */
export function cookieOf(issuer: string, purpose: 'browser' | 'session' | 'demo'): Cookie {
  const isSecure = issuer.startsWith('https:');
  const name = `${isSecure ? '__Host-' : ''}mintmark-${purpose}-${hash('sha256', issuer, 'hex').slice(0, 8)}`;
  const attributes = `; Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  const write = (reply: FastifyReply, value: string, lifetime: string) =>
    void reply.header('set-cookie', `${name}=${value}${attributes}${lifetime}`);
  return {
    read({ headers }) {
      const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
      const value = pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
      return value !== undefined && valueFormat.test(value) ? value : undefined;
    },
    set: (reply, value, lifetime) =>
      write(reply, value, lifetime === undefined ? '' : `; Max-Age=${Math.floor(lifetime)}`),
    clear: (reply) => write(reply, '', '; Max-Age=0'),
  };
}
