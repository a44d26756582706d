// What stands before services, and databases, and how they are told whom to trust.
import { type Consumer, quoted } from './consumer.ts';

const hostOf = (uri: string): string => new URL(uri).hostname;
const portOf = (uri: string): string => new URL(uri).port || (uri.startsWith('https:') ? '443' : '80');
const pathOf = (uri: string): string => new URL(uri).pathname.replace(/\/$/, '');
/** As a value in a query, with what may stand there as it is (RFC 3986 3.4). */
const inQuery = (uri: string): string => encodeURIComponent(uri).replace(/%(3A|2F)/g, decodeURIComponent);

export const gateways: readonly Consumer[] = [
  {
    name: 'apache',
    title: 'Apache with mod_oauth2; it does not look at typ, and takes the algorithm of the key',
    settings: ({ issuer, jwksUri, audience }) => `<Location />
  AuthType oauth2
  OAuth2TokenVerify jwks_uri ${jwksUri} jwks_uri.expiry=300&verify.exp=required&expiry=1
  <RequireAll>
    Require oauth2_claim iss:${issuer}
    Require oauth2_claim aud:${audience}
  </RequireAll>
  Header always setifempty WWW-Authenticate Bearer "expr=%{REQUEST_STATUS} == 401"
  ProxyPass http://127.0.0.1:5000/
</Location>`,
  },
  {
    name: 'nginx',
    title: 'nginx, auth_request to a verifier beside it',
    settings: ({
      issuer,
      audience,
    }) => `# The verifier: ISSUER=${issuer} AUDIENCE=${audience} PORT=4000 node examples/fastify.js
location / {
    auth_request /verified;
    proxy_pass http://service;
}
location = /verified {
    internal;
    proxy_pass http://127.0.0.1:4000/;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
}`,
  },
  {
    name: 'caddy',
    title: "Caddy, forward_auth to this issuer's own /forward-auth",
    settings: ({ issuer, audience }) => `# Whom ${issuer} lets through, for ${audience}
route {
	request_header -X-Auth-*
	request_header -*_*
	forward_auth ${new URL(issuer).origin} {
		uri ${pathOf(issuer)}/forward-auth?resource=${inQuery(audience)}
		copy_headers X-Auth-Subject X-Auth-Client X-Auth-Scope
		header_up Host {upstream_hostport}
	}
	reverse_proxy 127.0.0.1:5000
}`,
  },
  {
    name: 'traefik',
    title: "Traefik, ForwardAuth to this issuer's own /forward-auth",
    settings: ({ issuer, audience }) => `http:
  middlewares:
    no-other-names:
      headers:
        customRequestHeaders: { X_Auth_Subject: "", X_Auth_Client: "", X_Auth_Scope: "" }
    access-token:
      forwardAuth:
        address: ${quoted(`${issuer}/forward-auth?resource=${inQuery(audience)}`)}
        authRequestHeaders: [Authorization]
        authResponseHeaders: [X-Auth-Subject, X-Auth-Client, X-Auth-Scope]
# and for a router: middlewares: [no-other-names, access-token]`,
  },
  {
    name: 'envoy',
    title: 'Envoy, the filter envoy.filters.http.jwt_authn; it does not look at typ',
    settings: ({ issuer, jwksUri, audience }) => `providers:
  mintmark:
    issuer: ${quoted(issuer)}
    audiences: [${quoted(audience)}]
    forward: true
    remote_jwks:
      http_uri: { uri: ${quoted(jwksUri)}, cluster: mintmark, timeout: 5s }
      cache_duration: 300s
rules:
  - match: { prefix: "/" }
    requires: { provider_name: mintmark }
# cluster mintmark: ${hostOf(jwksUri)}:${portOf(jwksUri)}`,
  },
  {
    name: 'istio',
    title: 'Istio, RequestAuthentication and AuthorizationPolicy; it does not look at typ',
    settings: ({ issuer, jwksUri, audience }) => `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: mintmark }
spec:
  jwtRules:
    - issuer: ${quoted(issuer)}
      jwksUri: ${quoted(jwksUri)}
      audiences: [${quoted(audience)}]
      forwardOriginalToken: true
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: mintmark }
spec:
  action: ALLOW
  rules:
    - from: [{ source: { requestPrincipals: [${quoted(`${issuer}/*`)}] } }]`,
  },
  {
    name: 'kubernetes',
    title: 'the Kubernetes API server, --authentication-config; the issuer has to be https',
    settings: ({ issuer, audience }) => `apiVersion: apiserver.config.k8s.io/v1beta1
kind: AuthenticationConfiguration
jwt:
  - issuer:
      url: ${quoted(issuer)}
      audiences: [${quoted(audience)}]
    claimMappings:
      username: { claim: sub, prefix: "mintmark:" }`,
  },
];

export const databases: readonly Consumer[] = [
  {
    name: 'postgres',
    title:
      'Postgres 18 with pg_oidc_validator; it looks at neither aud nor typ, and psql itself cannot sign in',
    settings: ({
      issuer,
      audience,
    }) => `# A scope that ${audience} alone knows tells its tokens from all others.
# postgresql.conf
oauth_validator_libraries = 'pg_oidc_validator'
# pg_hba.conf
hostssl all all all oauth issuer=${quoted(issuer)} scope="postgres" map=issuer
# pg_ident.conf: the sub of an account, and its role
issuer 8f14e45f-ceea-467f-9575-6f3b5a1d2c3e ada
# A client: oauth_issuer=${issuer} oauth_client_id=CLIENT, and the token by PQsetAuthDataHook`,
  },
  {
    name: 'postgrest',
    title: 'PostgREST; it fetches no keys, and does not look at iss and typ',
    settings: ({
      jwksUri,
      audience,
    }) => `# Fetch the keys once an hour, and have them read: keys.verifier_cache_lifetime is the longest that is safe.
#   curl -sf ${jwksUri} -o /etc/postgrest/jwks.json && kill -USR2 $(pidof postgrest)
jwt-secret = "@/etc/postgrest/jwks.json"
jwt-aud = ${quoted(audience)}
# mintmark clients update CLIENT --json '{"claims":{"role":"attributes.role"}}' has tokens of people say it.
jwt-role-claim-key = ".role"`,
  },
  {
    name: 'hasura',
    title:
      'Hasura 2, HASURA_GRAPHQL_JWT_SECRET; it does not look at typ. Clients have {"claims":{"roles":"attributes.roles"}}',
    settings: ({ issuer, jwksUri, audience }) =>
      JSON.stringify({
        jwk_url: jwksUri,
        issuer,
        audience,
        // Without defaults: a client that acts for itself has no roles, and must not get any.
        claims_map: {
          'x-hasura-allowed-roles': { path: '$.roles' },
          'x-hasura-default-role': { path: '$.roles[0]' },
          'x-hasura-user-id': { path: '$.sub' },
        },
      }),
  },
];
