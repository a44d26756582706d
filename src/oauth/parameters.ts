// Parameters of a form: RFC 6749 3.1, 3.2 and appendix B, read strictly. Empty is omitted, repeated is refused
// (but for `resource`, RFC 8707 2), and nothing that can be read in two ways is read at all.
import { isUtf8 } from 'node:buffer';
import { OAuthError } from './errors.ts';

/** The most bytes that a form may have. */
export const formSizeLimit = 65_536;
/** The most parameters that a form may have. */
export const parameterLimit = 100;

/** What a form said. Names are exact and case-sensitive; no value is empty. */
export interface Parameters {
  readonly values: ReadonlyMap<string, string>;
  /** RFC 8707: the one parameter that may be repeated, in order */
  readonly resources: readonly string[];
}

/** The media type of a form. */
export const formType = 'application/x-www-form-urlencoded';
const withUtf8 = /^application\/x-www-form-urlencoded[ \t]*(;[ \t]*charset=("utf-8"|utf-8)[ \t]*)?$/i;

/** Throws OAuthError unless the media type is that of a form, in UTF-8 where it names a charset. */
export function assertFormType(contentType: string | undefined): void {
  if (contentType === formType) return;
  if (contentType === undefined || !withUtf8.test(contentType)) throw new OAuthError('content_type_not_form');
}

/** Reads a form. Throws OAuthError with the reason why it cannot be read in exactly one way. */
export function parseForm(body: Buffer): Parameters {
  if (body.length > formSizeLimit) throw new OAuthError('form_too_large');
  if (!isUtf8(body)) throw new OAuthError('parameter_not_utf8');
  const pairs = body.toString('utf8').split('&');
  if (pairs.length > parameterLimit) throw new OAuthError('too_many_parameters');
  const values = new Map<string, string>();
  const resources: string[] = [];
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
    if (value === '') continue;
    if (name === 'resource') resources.push(value);
    else if (values.has(name)) throw new OAuthError('parameter_repeated');
    else values.set(name, value);
  }
  return { values, resources };
}

/** Decodes one name or value (appendix B). Throws OAuthError. */
export function decode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return withoutNul(text);
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new OAuthError('parameter_percent_encoding');
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new OAuthError('parameter_not_utf8', { cause });
  }
  return withoutNul(decoded);
}

function withoutNul(text: string): string {
  if (text.includes('\0')) throw new OAuthError('parameter_nul');
  return text;
}
