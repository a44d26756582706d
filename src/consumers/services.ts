// Services that verify by themselves, and how they are told whom to trust.
import { type Consumer, quoted, type Trusted } from './consumer.ts';

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

/** The keys, and what jose has to see in a token. */
const joseTrust = ({
  issuer,
  jwksUri,
  audience,
  alg,
  typ,
}: Trusted) => `const keys = createRemoteJWKSet(new URL(${quoted(jwksUri)}));
const required = {
  issuer: ${quoted(issuer)},
  audience: ${quoted(audience)},
  algorithms: [${quoted(alg)}],
  typ: ${quoted(typ)},
  requiredClaims: ['exp', 'client_id'],
};`;

export const services: readonly Consumer[] = [
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
    name: 'nest',
    title: 'NestJS, a guard with jose',
    settings: (
      trusted,
    ) => `import { type CanActivate, type ExecutionContext, Injectable, UnauthorizedException } from '@nestjs/common';
import { createRemoteJWKSet, jwtVerify } from 'jose';

${joseTrust(trusted)}

@Injectable()
export class AccessTokenGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest();
    const [, token = ''] = (request.headers.authorization ?? '').split(' ');
    try {
      request.token = (await jwtVerify(token, keys, required)).payload;
      return true;
    } catch {
      http.getResponse().header('www-authenticate', 'Bearer error="invalid_token"');
      throw new UnauthorizedException();
    }
  }
}
// and before a controller or a route: @UseGuards(AccessTokenGuard)`,
  },
  {
    name: 'hono',
    title: 'Hono and other runtimes, with jose',
    settings: (trusted) => `import { createRemoteJWKSet, jwtVerify } from 'jose';

${joseTrust(trusted)}
app.use(async (context, next) => {
  const [, token = ''] = (context.req.header('authorization') ?? '').split(' ');
  try {
    const { payload } = await jwtVerify(token, keys, required);
    context.set('claims', payload);
  } catch {
    return context.body(null, 401, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
  await next();
});`,
  },
  {
    name: 'next',
    title: 'Next.js 16, proxy.js, with jose (before: middleware.js, the function middleware)',
    settings: (trusted) => `import { createRemoteJWKSet, jwtVerify } from 'jose';
import { NextResponse } from 'next/server';

${joseTrust(trusted)}

export async function proxy(request) {
  const [, token = ''] = (request.headers.get('authorization') ?? '').split(' ');
  try {
    await jwtVerify(token, keys, required);
    return NextResponse.next();
  } catch {
    const headers = { 'www-authenticate': 'Bearer error="invalid_token"' };
    return NextResponse.json({ error: 'invalid_token' }, { status: 401, headers });
  }
}

export const config = { matcher: '/api/:path*' };`,
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
];
