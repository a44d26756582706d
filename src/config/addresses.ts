// The settings that are URLs and addresses: what each may look like.
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isLoopbackHost } from '../loopback.ts';
import { isCarriedImage } from '../oauth/uris.ts';

/**
 * What is wrong with an issuer URL and what to write instead; false where nothing is.
 * RFC 8414 section 2: https, no query, no fragment. Compared character by character (RFC 9207, OpenID Connect
 * Discovery 4.3), so only the one spelling that every URL parser agrees on is taken.
 */
export function issuerProblem(issuer: string): string | false {
  // The text itself stays out of the message: it may carry a password.
  if (!URL.canParse(issuer)) return 'not a URL; write it as https://id.example.com';
  const url = new URL(issuer);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'not an https URL; write it as https://id.example.com';
  const extras = [
    (url.username || url.password) && 'user info',
    issuer.includes('?') && 'a query',
    issuer.includes('#') && 'a fragment',
    url.pathname !== '/' && url.pathname.endsWith('/') && 'a trailing slash',
  ].filter(Boolean);
  const plain = url.origin + url.pathname.replace(/\/+$/, '');
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    return `http, and ${url.hostname} is not loopback; use https (http only for localhost, 127.0.0.0/8 and [::1])`;
  }
  if (extras.length) return `has ${extras.join(' and ')}; write it as ${plain}`;
  return issuer !== plain && `not in its one spelling; write it as ${plain}`;
}

export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
}

/** A user and a password, or neither. */
export function isSmtpUrl(text: string): boolean {
  if (!/^smtps?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { hostname, username, password, pathname, search, hash } = new URL(text);
  return hostname !== '' && (username === '') === (password === '') && /^\/?$/.test(pathname + search + hash);
}

const node = String.raw`(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}`;
const nodes = `${node}(?:,${node})*`;
const sentinel = new RegExp(String.raw`^redis\+sentinel://[^@:/\s]+(?::[^@/\s]*)?@${nodes}(?:/\d+)?$`);
const cluster = new RegExp(String.raw`^redis\+cluster://(?:[^@/\s]*@)?${nodes}$`);

/** One server by URL; or by the nodes to ask, which are no URL, since a URL has one host. */
export function isRedisUrl(text: string): boolean {
  if (/^rediss?:\/\//.test(text)) return URL.canParse(text) && new URL(text).hostname !== '';
  return sentinel.test(text) || cluster.test(text);
}

/** What a page may show under its policy: carried along, or from the issuer's own host. */
export function isLogo(text: string, issuer: string): boolean {
  if (isCarriedImage(text)) return true;
  return URL.canParse(text) && URL.canParse(issuer) && text.startsWith(`${new URL(issuer).origin}/`);
}

const proxyGroups = ['loopback', 'linklocal', 'uniquelocal'];

/** An address, a range of them, or a group that Fastify's trustProxy knows by name. */
export function isProxy(text: string): boolean {
  return isIP(text) !== 0 || ipaddr.isValidCIDR(text) || proxyGroups.includes(text);
}
