// How verifiers that others have written are told whom to trust: one text for each, with an issuer's values. The rule it
// keeps: each pins the algorithm and checks issuer and audience, or says that it cannot.

/** What a verifier has to know. */
export interface Trusted {
  readonly issuer: string;
  readonly jwksUri: string;
  readonly audience: string;
  readonly alg: string;
  /** of the resource's access tokens */
  readonly typ: string;
}

export interface Consumer {
  readonly name: string;
  /** with the version or module that is meant */
  readonly title: string;
  settings(trusted: Trusted): string;
}

/** What says it to a program in its own words, without the backslashes that JSON may have and they have not. */
const quoted = (text: string): string => JSON.stringify(text);

const hostOf = (uri: string): string => new URL(uri).hostname;
const portOf = (uri: string): string => new URL(uri).port || (uri.startsWith('https:') ? '443' : '80');

const springYaml = ({ issuer, jwksUri, audience, alg }: Trusted) => `spring:
  security:
    oauth2:
      resourceserver:
        jwt:
          issuer-uri: ${quoted(issuer)}
          jwk-set-uri: ${quoted(jwksUri)}
          audiences: [${quoted(audience)}]
          jws-algorithms: [${alg}]`;

const springTyp = `
# Spring Security 6 takes no typ but JWT unless it is told:
#   @Bean JwkSetUriJwtDecoderBuilderCustomizer accessTokens() {
#     return builder -> builder.jwtProcessorCustomizer(processor -> processor.setJWSTypeVerifier(
#         new DefaultJOSEObjectTypeVerifier<>(new JOSEObjectType("at+jwt"))));
#   }`;

export const consumers: readonly Consumer[] = [
  {
    name: 'spring',
    title: 'Spring Boot 3, application.yaml',
    settings: (trusted) => springYaml(trusted) + (trusted.typ === 'JWT' ? '' : springTyp),
  },
  {
    name: 'django',
    title: 'Django REST framework with simplejwt, settings.py; the resource has the profile simplejwt',
    settings: ({ issuer, jwksUri, audience, alg }) => `REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
}
SIMPLE_JWT = {
    "ALGORITHM": ${quoted(alg)},
    "JWK_URL": ${quoted(jwksUri)},
    "ISSUER": ${quoted(issuer)},
    "AUDIENCE": ${quoted(audience)},
    "USER_ID_CLAIM": "user_id",
}`,
  },
  {
    name: 'fastify',
    title: 'Fastify, with mintmark/verify',
    settings: ({ issuer, audience, alg, typ }) => `import { fastifyVerifier } from 'mintmark/verify';

await app.register(fastifyVerifier, {
  issuer: ${quoted(issuer)},
  audience: ${quoted(audience)},
  algs: [${quoted(alg)}],
  typ: ${quoted(typ)},
});
app.get('/', { onRequest: app.requireToken }, (request) => request.user);`,
  },
  {
    name: 'express',
    title: 'Express, with mintmark/verify',
    settings: ({ issuer, audience, alg, typ }) => `import { createVerifier } from 'mintmark/verify';

const { verify } = createVerifier({
  issuer: ${quoted(issuer)},
  audience: ${quoted(audience)},
  algs: [${quoted(alg)}],
  typ: ${quoted(typ)},
});
app.use(async (request, response, next) => {
  try {
    const [, token = ''] = (request.get('authorization') ?? '').split(' ');
    request.auth = await verify(token);
  } catch (error) {
    response.set('www-authenticate', 'Bearer error="invalid_token"');
    return response.sendStatus(error.statusCode ?? 500);
  }
  next();
});`,
  },
  {
    name: 'hono',
    title: 'Hono and other runtimes, with jose',
    settings: ({
      issuer,
      jwksUri,
      audience,
      alg,
      typ,
    }) => `import { createRemoteJWKSet, jwtVerify } from 'jose';

const keys = createRemoteJWKSet(new URL(${quoted(jwksUri)}));
app.use(async (context, next) => {
  const [, token = ''] = (context.req.header('authorization') ?? '').split(' ');
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: ${quoted(issuer)},
      audience: ${quoted(audience)},
      algorithms: [${quoted(alg)}],
      typ: ${quoted(typ)},
      requiredClaims: ['exp', 'client_id'],
    });
    context.set('claims', payload);
  } catch {
    return context.body(null, 401, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
  await next();
});`,
  },
  {
    name: 'fastapi',
    title: 'FastAPI or Flask, with PyJWT',
    settings: ({ issuer, jwksUri, audience, alg, typ }) => `import jwt

keys = jwt.PyJWKClient(${quoted(jwksUri)}, lifespan=300)

def claims_of(token: str) -> dict:
    key = keys.get_signing_key_from_jwt(token)
    verified = jwt.decode_complete(token, key.key, algorithms=[${quoted(alg)}], issuer=${quoted(issuer)},
        audience=${quoted(audience)}, options={"require": ["exp", "iss", "aud", "client_id"]})
    if verified["header"].get("typ", "").lower() != ${quoted(typ.toLowerCase())}:
        raise jwt.InvalidTokenError("not an access token")
    return verified["payload"]`,
  },
  {
    name: 'go',
    title: 'Go, with golang-jwt and keyfunc',
    settings: ({
      issuer,
      jwksUri,
      audience,
      alg,
      typ,
    }) => `keys, err := keyfunc.NewDefault([]string{${quoted(jwksUri)}})
token, err := jwt.Parse(text, keys.Keyfunc,
	jwt.WithValidMethods([]string{${quoted(alg)}}),
	jwt.WithIssuer(${quoted(issuer)}),
	jwt.WithAudience(${quoted(audience)}),
	jwt.WithExpirationRequired())
// and then: typ, _ := token.Header["typ"].(string); strings.EqualFold(typ, ${quoted(typ)})`,
  },
  {
    name: 'aspnet',
    title: 'ASP.NET Core, JwtBearer',
    settings: ({
      issuer,
      audience,
      alg,
      typ,
    }) => `builder.Services.AddAuthentication().AddJwtBearer(options =>
{
    options.Authority = ${quoted(issuer)};
    options.Audience = ${quoted(audience)};
    options.MapInboundClaims = false;
    options.TokenValidationParameters.ValidIssuer = ${quoted(issuer)};
    options.TokenValidationParameters.ValidAlgorithms = [${quoted(alg)}];
    options.TokenValidationParameters.ValidTypes = [${quoted(typ)}];
});`,
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
jwt-role-claim-key = ".role"`,
  },
  {
    name: 'hasura',
    title: 'Hasura, HASURA_GRAPHQL_JWT_SECRET; it does not look at typ',
    settings: ({ issuer, jwksUri, audience, alg }) =>
      JSON.stringify({ type: alg, jwk_url: jwksUri, issuer, audience }),
  },
];
