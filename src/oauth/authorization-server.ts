// The authorization server: a flat record of parts, built once. A function names the parts it needs:
// `as: Pick<AuthorizationServer, 'clients' | 'clock'>`.
import type { Authenticator } from '../accounts/authenticate.ts';
import type { SendMail } from '../accounts/letters.ts';
import type { RelyingParty } from '../accounts/passkeys.ts';
import type { Clock } from '../clock.ts';
import type { AccountSecrets } from '../keys/account-secrets.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { Random } from '../random.ts';
import type { ReadThrough } from '../read-through.ts';
import type {
  AccountStore,
  ClientRecord,
  ConsentStore,
  DocumentStore,
  EndingStore,
  FactorStore,
  FamilyStateStore,
  FamilyStore,
  LetterStore,
  LogoutNoticeStore,
  ReplayStore,
  ResourceRecord,
  RevokedTokenStore,
  SessionStore,
  SigningAlg,
} from '../stores/stores.ts';
import type { PostForm } from './backchannel-logout.ts';
import type { FloorLedger } from './floor-ledger.ts';
import type { MacKeys } from './refresh-token.ts';
import type { RemoteJwks } from './remote-jwks.ts';
import type { SessionLifetimes } from './session.ts';
import type { TokenVerifier } from './token-verifier.ts';

/** Absolute URLs. */
export interface Endpoints {
  readonly token: string;
  readonly introspection: string;
  readonly revocation: string;
  readonly jwks: string;
  readonly revokedFamilies: string;
  readonly authorization: string;
  readonly userinfo: string;
  readonly endSession: string;
  /** for people alone: no client has to know it */
  readonly account: string;
}

export interface RefreshLifetimes {
  readonly lifetime: number;
  readonly idleLifetime: number;
  readonly retryWindow: number;
}

export interface AuthorizationServer {
  /** exactly as tokens name it */
  readonly issuer: string;
  readonly endpoints: Endpoints;
  readonly clients: ReadThrough<ClientRecord>;
  readonly resources: ReadThrough<ResourceRecord>;
  readonly replays: ReplayStore;
  readonly remoteJwks: RemoteJwks;
  readonly keyring: Pick<Keyring, 'inTurn' | 'sign' | 'jwks' | 'longestLifetime'>;
  /** the algorithms that have signing keys */
  readonly signingAlgs: readonly SigningAlg[];
  /** seconds, where neither the resource nor the client has one */
  readonly accessTokenLifetime: number;
  /** seconds */
  readonly idTokenLifetime: number;
  readonly authorizationCodeLifetime: number;
  readonly sessionLifetimes: SessionLifetimes;
  readonly accounts: AccountStore;
  readonly documents: DocumentStore;
  readonly sessions: SessionStore;
  readonly logoutNotices: LogoutNoticeStore;
  /** to where a client is told of logouts */
  readonly postForm: PostForm;
  readonly consents: ConsentStore;
  readonly letters: LetterStore;
  /** undefined: no letter can be sent, and what needs one is not offered */
  readonly sendMail: SendMail | undefined;
  readonly signUp: 'closed' | 'open';
  readonly factors: FactorStore;
  /** secrets of accounts, under the key-encryption keys */
  readonly accountSecrets: AccountSecrets;
  /** as passkeys know it; undefined where the issuer's name is none that they can be for */
  readonly relyingParty: RelyingParty | undefined;
  /** the lives of refresh tokens, in seconds, where the client has none of its own */
  readonly refresh: RefreshLifetimes;
  /** claims of accounts in access tokens, where the client has none of its own: their names and account paths */
  readonly claims: Readonly<Record<string, string>>;
  /** our own tokens, as they come back */
  readonly verifier: TokenVerifier;
  readonly revokedTokens: RevokedTokenStore;
  readonly endings: EndingStore;
  /** how people show who they are */
  readonly authenticator: Authenticator;
  /** the client of those who sign in and name none; undefined: they have to name one */
  readonly signInClientId: string | undefined;
  readonly families: FamilyStore;
  readonly familyStates: FamilyStateStore;
  readonly floors: FloorLedger;
  /** as they are now */
  readonly macKeys: () => MacKeys;
  /** what pairwise subjects are derived by; rejects where it cannot be had now */
  readonly pairwiseSecret: () => Promise<Buffer>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Where the endpoints of an issuer are. */
export const endpointsOf = (issuer: string): Endpoints => ({
  token: `${issuer}/token`,
  introspection: `${issuer}/introspect`,
  revocation: `${issuer}/revoke`,
  jwks: `${issuer}/.well-known/jwks.json`,
  revokedFamilies: `${issuer}/.well-known/revoked-families`,
  authorization: `${issuer}/authorize`,
  userinfo: `${issuer}/userinfo`,
  endSession: `${issuer}/logout`,
  account: `${issuer}/account`,
});
