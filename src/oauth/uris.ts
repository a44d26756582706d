// Which URIs may be registered: RFC 3986 spelling, RFC 6749 3.1.2 and RFC 8252 for redirect URIs, RFC 8707 2 for
// resources. The rule it keeps: a URI is stored exactly as written, so it is refused unless it is written cleanly.
import { isLoopbackHost } from '../loopback.ts';

/** Absolute, and of the characters of RFC 3986 alone: the URL parser forgives blanks, backslashes and more. */
const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;

function parse(uri: string): URL | undefined {
  if (!absolute.test(uri) || !URL.canParse(uri)) return undefined;
  const url = new URL(uri);
  return url.username === '' && url.password === '' ? url : undefined;
}

const isHttps = (url: URL): boolean => url.protocol === 'https:';
const isLoopbackHttp = (url: URL): boolean => url.protocol === 'http:' && isLoopbackHost(url.hostname);

/** A page for people: http or https. */
export function isWebPage(uri: string): boolean {
  const url = parse(uri);
  return url !== undefined && (isHttps(url) || url.protocol === 'http:');
}

/** An image that is carried along, so that nobody is asked for it: RFC 2397. */
export const isCarriedImage = (uri: string): boolean =>
  /^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}$/.test(uri);

/** Something that must not be tampered with on its way: https, or http that stays on the machine. */
export function isSecureUri(uri: string): boolean {
  const url = parse(uri);
  return url !== undefined && (isHttps(url) || isLoopbackHttp(url));
}

/** Secure, or an app's private-use scheme, which has a dot in it (RFC 8252 7.1); never a fragment. */
export function isRedirectUri(uri: string): boolean {
  const url = parse(uri);
  if (url === undefined || uri.includes('#')) return false;
  return isHttps(url) || isLoopbackHttp(url) || url.protocol.includes('.');
}

/** An absolute URI without a fragment (RFC 8707 2); a URN will do. */
export const isResourceUri = (uri: string): boolean => parse(uri) !== undefined && !uri.includes('#');
