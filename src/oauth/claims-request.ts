// The `claims` parameter: OpenID Connect Core 5.5. Members that are not understood are passed over, as 5.5 asks; a
// member of the wrong shape is refused, so that nobody believes to have asked for what was not read.
import { type Static, Type } from 'typebox';
import { OAuthError } from './errors.ts';
import { shapeCheck } from './registration.ts';

const Request = Type.Union([
  Type.Null(),
  Type.Object({
    essential: Type.Optional(Type.Boolean()),
    value: Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
    values: Type.Optional(
      Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { maxItems: 20 }),
    ),
  }),
]);

const Requests = Type.Record(Type.String(), Request, { maxProperties: 50 });

const ClaimsRequestDocument = Type.Object({
  userinfo: Type.Optional(Requests),
  id_token: Type.Optional(Requests),
});

/** Claims by name, each with what is asked of it. */
export type ClaimRequests = Static<typeof Requests>;
export type ClaimsRequest = Static<typeof ClaimsRequestDocument>;

const shapeProblems = shapeCheck(ClaimsRequestDocument);

/** Throws OAuthError. */
export function readClaimsRequest(text: string | undefined): ClaimsRequest | undefined {
  if (text === undefined) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new OAuthError('claims_malformed', { cause });
  }
  if (shapeProblems(document).length > 0) throw new OAuthError('claims_malformed');
  return document as ClaimsRequest;
}

/** The values that a claim may have for the request to be met; undefined where any will do. */
export const essentialValues = (
  requests: ClaimRequests | undefined,
  claim: string,
): readonly unknown[] | undefined => valuesOf(requests, claim, true);

/** The values that are liked, without having to be met. */
export const wishedValues = (
  requests: ClaimRequests | undefined,
  claim: string,
): readonly unknown[] | undefined => valuesOf(requests, claim, false);

function valuesOf(requests: ClaimRequests | undefined, claim: string, essential: boolean) {
  const request = requests && Object.hasOwn(requests, claim) ? requests[claim] : undefined;
  if (!request || (request.essential ?? false) !== essential) return undefined;
  const { value, values } = request;
  return values ?? (value === undefined ? undefined : [value]);
}
