// node-oidc-provider as its documentation sets it up: an adapter on Redis, JWT access tokens signed with RS256 for one
// resource, refresh tokens that rotate. Prints a line of JSON with refresh tokens to begin with, then serves.
//
//   node server.js PORT REDIS_URL TOKENS
import { generateKeyPairSync } from 'node:crypto';
import { Redis } from 'ioredis';
import { Provider } from 'oidc-provider';

const [port, redisUrl, count] = process.argv.slice(2);
const redis = new Redis(redisUrl, { keyPrefix: 'op:' });
const grantable = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);
const seconds = () => Math.floor(Date.now() / 1000);

/** The adapter of the documentation's example, for a Redis without modules. */
class RedisAdapter {
  constructor(name) {
    this.name = name;
  }

  #key(id) {
    return `${this.name}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const multi = redis.multi().set(this.#key(id), JSON.stringify(payload), 'EX', expiresIn);
    if (grantable.has(this.name) && payload.grantId) {
      multi.rpush(`grant:${payload.grantId}`, this.#key(id)).expire(`grant:${payload.grantId}`, expiresIn);
    }
    await multi.exec();
  }

  async find(id) {
    const found = await redis.get(this.#key(id));
    return found ? JSON.parse(found) : undefined;
  }

  async consume(id) {
    const payload = await this.find(id);
    await redis.set(this.#key(id), JSON.stringify({ ...payload, consumed: seconds() }), 'KEEPTTL');
  }

  async destroy(id) {
    await redis.del(this.#key(id));
  }

  async revokeByGrantId(grantId) {
    const keys = await redis.lrange(`grant:${grantId}`, 0, -1);
    await redis.del(...keys, `grant:${grantId}`);
  }
}

const resource = 'https://api.example.com';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const provider = new Provider(`http://localhost:${port}`, {
  adapter: RedisAdapter,
  clients: [
    {
      client_id: 'bench',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['https://app.example.com/callback'],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'bench' }] },
  scopes: ['openid', 'offline_access', 'read'],
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'read',
        audience: resource,
        accessTokenTTL: 300,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  rotateRefreshToken: true,
  ttl: { RefreshToken: 1_209_600, Grant: 1_209_600 },
});

async function refreshToken(accountId) {
  const client = await provider.Client.find('bench');
  const grant = new provider.Grant({ accountId, clientId: 'bench' });
  grant.addOIDCScope('offline_access');
  grant.addResourceScope(resource, 'read');
  const grantId = await grant.save();
  const token = new provider.RefreshToken({
    accountId,
    client,
    grantId,
    gty: 'authorization_code',
    resource,
    scope: 'offline_access read',
    rotations: 0,
    iiat: seconds(),
  });
  return token.save();
}

const tokens = [];
for (let i = 0; i < Number(count); i += 1) tokens.push(await refreshToken(`account-${i}`));
provider.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ tokens })));
