// The settings of one consumer with the values of an issuer: this one, or another that is asked over HTTP.
import type { Clock } from './clock.ts';
import type { Consumer, Trusted } from './consumers/consumer.ts';
import { consumers } from './consumers.ts';
import { endpointsOf } from './oauth/authorization-server.ts';
import { OperatorError } from './operator-error.ts';
import { discover } from './remote-issuer.ts';
import type { House } from './wire.ts';

/** Throws OperatorError, exit 2: there is no such consumer. */
export function consumerOf(name: string): Consumer {
  const found = consumers.find((consumer) => consumer.name === name);
  if (found) return found;
  const names = consumers.map((consumer) => consumer.name).join(', ');
  throw new OperatorError(`there are no settings for ${name}: --for is one of ${names}`, 2);
}

/** This issuer, for one of its resources: the one that is named, or the only one. Throws OperatorError. */
export async function ownTrust({ config, stores }: House, audience: string | undefined): Promise<Trusted> {
  const { issuer } = config;
  const resources = await stores.resources.list();
  const [only] = resources.length === 1 ? resources : [];
  const name = audience ?? only?.resource;
  if (name === undefined) {
    const known =
      resources.map(({ resource }) => resource).join(', ') || 'none yet, see `mintmark resources`';
    throw new OperatorError(`which resource? Name it with --audience: ${known}`, 2);
  }
  const resource = resources.find((one) => one.resource === name);
  if (resource === undefined && name !== issuer)
    throw new OperatorError(`there is no resource ${name}: see \`mintmark resources list\``);
  const { profile, signingAlg: alg } = resource ?? { profile: 'rfc9068', signingAlg: 'RS256' };
  const typ = profile === 'rfc9068' ? 'at+jwt' : 'JWT';
  return { issuer, jwksUri: endpointsOf(issuer).jwks, audience: name, alg, typ };
}

/** Another issuer, which says where its keys are and not how its access tokens look. Throws OperatorError. */
export async function foreignTrust(
  issuer: string,
  clock: Clock,
  audience: string | undefined,
): Promise<Trusted> {
  if (audience === undefined)
    throw new OperatorError('of another issuer no resource is known: name it with --audience', 2);
  const { metadata } = await discover(issuer, clock);
  return { issuer, jwksUri: String(metadata.jwks_uri), audience, alg: 'RS256', typ: 'at+jwt' };
}
