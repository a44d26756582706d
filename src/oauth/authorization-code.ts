// Authorization codes: RFC 6749 4.1.2, 10.5, RFC 9700 2.1.1. The rules they keep: a code is random, kept as a digest,
// short-lived, and used once; a second use is refused and ends what the first one opened.
import type { DocumentStore } from '../stores/stores.ts';
import type { AuthorizationRequest } from './authorization-request.ts';
import type { AuthorizationServer } from './authorization-server.ts';
import type { Session } from './session.ts';

const KIND = 'code';

/** What a person allowed, waiting to be exchanged. */
export interface AuthorizationCode {
  readonly request: Pick<
    AuthorizationRequest,
    'clientId' | 'redirectUri' | 'codeChallenge' | 'nonce' | 'scope' | 'resources' | 'claims'
  >;
  readonly session: Pick<Session, 'sid' | 'sub' | 'authTime' | 'acr' | 'amr' | 'accountCutOff'>;
  readonly expiresAt: number;
  /** the family that the first use opened; absent before it */
  readonly familyId?: string | undefined;
}

/** A code as a store has it: the text is what a swap compares. */
export interface FoundCode extends AuthorizationCode {
  readonly text: string;
}

type Parts = Pick<AuthorizationServer, 'documents' | 'clock' | 'random' | 'authorizationCodeLifetime'>;

/** Makes a code. Throws StoreUnavailableError. */
export async function issueCode(
  as: Parts,
  { clientId, redirectUri, codeChallenge, nonce, scope, resources, claims }: AuthorizationRequest,
  { sid, sub, authTime, acr, amr, accountCutOff }: Session,
): Promise<string> {
  const id = as.random.bytes(32).toString('base64url');
  const expiresAt = as.clock.now() + as.authorizationCodeLifetime;
  const code: AuthorizationCode = {
    request: { clientId, redirectUri, codeChallenge, nonce, scope, resources, claims },
    session: { sid, sub, authTime, acr, amr, accountCutOff },
    expiresAt,
  };
  await as.documents.compareAndSwap({
    kind: KIND,
    id,
    expected: undefined,
    next: JSON.stringify(code),
    expiresAt,
  });
  return id;
}

export async function findCode(
  { documents }: Pick<Parts, 'documents'>,
  id: string,
): Promise<FoundCode | undefined> {
  const text = await documents.find(KIND, id);
  return text === undefined ? undefined : { ...(JSON.parse(text) as AuthorizationCode), text };
}

/**
 * Notes that the code was used, and what it opened: for as long as that may live, so that a second use is known for
 * one. False where somebody was faster.
 */
export function consumeCode(
  { documents }: { readonly documents: DocumentStore },
  id: string,
  { text, ...code }: FoundCode,
  familyId: string,
  rememberedUntil: number,
): Promise<boolean> {
  const next = JSON.stringify({ ...code, familyId } satisfies AuthorizationCode);
  return documents.compareAndSwap({ kind: KIND, id, expected: text, next, expiresAt: rememberedUntil });
}
