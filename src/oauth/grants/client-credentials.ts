// The client credentials grant: RFC 6749 4.4. The client acts for itself, so it is the subject (RFC 9068 2.2).
import { selectResource } from '../resource.ts';
import { grantedScope } from '../scope.ts';
import type { Grant } from './grant.ts';

export const clientCredentials: Grant = {
  async prove(as, { clientId, metadata }, { values, resources }) {
    const resource = await selectResource(as, metadata, resources);
    const scope = grantedScope({
      requested: values.get('scope'),
      ofClient: metadata.scope,
      ofResource: resource?.scopes,
    });
    return { sub: clientId, scope, resource, commit: async () => true };
  },
};
