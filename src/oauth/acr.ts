// Authentication context classes: OpenID Connect Core 2, 5.5.1.1, RFC 9470 4. The rule they keep: what is required has to
// be met by what a person has shown, and is met by more; what is wished for changes nothing for whoever cannot show it.
// They are named after the assurance levels of NIST SP 800-63B.

import type { AuthorizationRequest } from './authorization-request.ts';
import { essentialValues, wishedValues } from './claims-request.ts';
import type { ClientMetadata } from './client.ts';

/** Those that can be reached, the lower first: a password; a password with a second factor, or a passkey. */
export const reachableAcrs = ['aal1', 'aal2'] as const;

/** What a password alone reaches. */
export const passwordAcr = 'aal1';
/** What two factors reach. */
export const secondFactorAcr = 'aal2';

const levelOf = (acr: unknown): number => (reachableAcrs as readonly unknown[]).indexOf(acr);

/** Whether what reached `acr` reaches `wanted`, too. One that is not known is reached by nothing. */
export const reaches = (acr: string, wanted: string): boolean =>
  levelOf(wanted) >= 0 && levelOf(acr) >= levelOf(wanted);

/** What is asked of a sign-in. */
export interface AcrDemand {
  readonly request: Pick<AuthorizationRequest, 'acrValues' | 'claims'>;
  readonly client: Pick<ClientMetadata, 'default_acr_values' | 'require_acr'>;
  /** `require_acr` of the resources that are asked for */
  readonly ofResources: readonly string[];
}

/** Those of which one has to be met, the lower first; none: what is required cannot be reached. */
export function acceptableAcrs({ request, client, ofResources }: AcrDemand): readonly string[] {
  const essential = essentialValues(request.claims?.id_token, 'acr');
  const least = [...ofResources, ...(client.require_acr === undefined ? [] : [client.require_acr])];
  return reachableAcrs.filter(
    (acr) => (essential?.includes(acr) ?? true) && least.every((one) => reaches(acr, one)),
  );
}

/** The one that is liked best of those that can be reached (OpenID Connect Core 3.1.2.1); undefined: any. */
export function preferredAcr({ request, client }: Omit<AcrDemand, 'ofResources'>): string | undefined {
  const { acrValues, claims } = request;
  const wishes = acrValues.length > 0 ? acrValues : wishedValues(claims?.id_token, 'acr');
  return (wishes ?? client.default_acr_values ?? []).map(String).find((acr) => levelOf(acr) >= 0);
}

/** What tokens say: what the session has reached, or the highest below it where that is not among what is acceptable. */
export const statedAcr = (acceptable: readonly string[], reached: string): string =>
  acceptable.includes(reached) ? reached : (acceptable.findLast((acr) => reaches(reached, acr)) ?? reached);
