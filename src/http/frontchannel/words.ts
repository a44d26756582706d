// What a person reads of a client, and of what it asks for: OpenID Connect Core 3.1.2.4. The rules it keeps: the name a
// client gives itself never stands without where its answers go, and it can neither turn the text around it nor be as
// long as to push it away. A client's logo is shown where it is carried along, and never loaded: its host would learn who
// signs in, and when.
import { isLoopbackHost } from '../../loopback.ts';
import type { ClientMetadata } from '../../oauth/client.ts';
import type { Consent } from '../../oauth/consent.ts';
import { issuerScopes } from '../../oauth/scope.ts';
import { namesOfScope } from '../../oauth/standard-claims.ts';
import { isCarriedImage } from '../../oauth/uris.ts';
import type { ClientRecord, ResourceRecord } from '../../stores/stores.ts';
import type { ConsentView, Look } from './pages/pages.ts';
import type { Texts } from './texts/en.ts';

const NAME_LENGTH = 60;

/** The name of a client, safe to stand in a sentence. */
export const appName = ({ clientId, metadata }: Pick<ClientRecord, 'clientId' | 'metadata'>): string =>
  shortened(metadata.client_name ?? '') || shortened(clientId);

/** How the client looks, as far as pages show it. */
export const lookOf = ({ logo_uri: logo, colour }: ClientMetadata): Look => ({
  logo: logo !== undefined && isCarriedImage(logo) ? logo : undefined,
  colour,
});

/** Text of a client's. Cf has what turns the direction of text, and what is not seen at all. */
function shortened(text: string): string {
  const clean = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const letters = [...clean];
  return letters.length > NAME_LENGTH ? `${letters.slice(0, NAME_LENGTH - 1).join('')}…` : clean;
}

/** Where a client is answered, in words. */
export function whereabouts({ consent }: Texts, redirectUri: string): string {
  const { protocol, hostname, host } = new URL(redirectUri);
  if (protocol !== 'https:' && protocol !== 'http:') return consent.onDevice(protocol.slice(0, -1));
  return isLoopbackHost(hostname) ? consent.onDevice(host) : consent.app(host);
}

/** A page of the client to start again at; undefined where none is known. */
export function startOf({ initiate_login_uri, client_uri }: ClientMetadata): string | undefined {
  return initiate_login_uri ?? client_uri;
}

/** What is asked for, in words. */
export function consentSections(
  texts: Texts,
  asked: Consent,
  resources: readonly ResourceRecord[],
): ConsentView['sections'] {
  const { consent } = texts;
  const covered = new Set(namesOfScope(asked.scopes.join(' ')));
  const personal = [
    ...asked.scopes
      .filter((scope) => issuerScopes.has(scope))
      .map((scope) => own(consent.scopes, scope) ?? scope),
    ...asked.claims
      .filter((claim) => !covered.has(claim))
      .map((claim) => own(consent.claims, claim) ?? consent.otherClaim(shortened(claim))),
  ];
  const others = asked.scopes.filter((scope) => !issuerScopes.has(scope));
  const places = resources.map(({ resource, scopes }) => {
    const here = others.filter((scope) => scopes.includes(scope));
    return here.length > 0 ? `${placeOf(resource)}: ${here.join(', ')}` : placeOf(resource);
  });
  const more = others.filter((scope) => !resources.some(({ scopes }) => scopes.includes(scope)));
  return [
    { heading: consent.personal, items: personal },
    { heading: consent.resources, items: places },
    { heading: consent.more, items: more },
  ].filter(({ items }) => items.length > 0);
}

const own = (words: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(words, name) ? words[name] : undefined;

/** Without the scheme, which says nothing to anybody. */
const placeOf = (resource: string): string => resource.replace(/^https?:\/\//, '').replace(/\/$/, '');
