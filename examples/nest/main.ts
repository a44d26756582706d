// A resource server on NestJS: jose verifies in a guard, and fetches the issuer's keys.
//   npx tsc -p examples/nest
//   ISSUER=http://localhost:3000 AUDIENCE=https://api.example.com PORT=4000 node examples/nest/build/main.js
//   curl -H "Authorization: Bearer TOKEN" http://localhost:4000/
import 'reflect-metadata';
import {
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  Module,
  Req,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';

const { ISSUER: issuer, AUDIENCE: audience, PORT = '4000', JWKS_URI: jwksUri } = process.env;
if (!issuer || !audience) throw new Error('ISSUER and AUDIENCE are needed');

// It keeps the JWKS for ten minutes; the issuer's keys.verifier_cache_lifetime must be at least as long.
const keys = createRemoteJWKSet(new URL(jwksUri ?? `${issuer}/.well-known/jwks.json`));

@Injectable()
class AccessTokenGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest();
    const [, token = ''] = request.headers.authorization?.match(/^Bearer +(\S+)$/i) ?? [];
    try {
      const options = {
        algorithms: ['RS256'],
        issuer: issuer as string,
        audience: audience as string,
        typ: 'at+jwt',
      };
      request.token = (await jwtVerify(token, keys, options)).payload;
      return true;
    } catch {
      http.getResponse().header('www-authenticate', 'Bearer error="invalid_token"');
      throw new UnauthorizedException();
    }
  }
}

@Controller()
@UseGuards(AccessTokenGuard)
class MeController {
  @Get()
  me(@Req() request: { token: JWTPayload }): JWTPayload {
    return request.token;
  }
}

@Module({ controllers: [MeController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(Number(PORT), '127.0.0.1');
