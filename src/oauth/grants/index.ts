// The grant types this server offers. This one table drives registration, the token endpoint and the metadata.
import { clientCredentials } from './client-credentials.ts';
import type { Grant } from './grant.ts';

export const grants: ReadonlyMap<string, Grant> = new Map([['client_credentials', clientCredentials]]);

export const grantTypes: readonly string[] = [...grants.keys()];
