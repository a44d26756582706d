// How verifiers that others have written are told whom to trust: one text for each, with an issuer's values. The rule it
// keeps: each pins the algorithm and checks issuer and audience, or says that it cannot.
import type { Consumer } from './consumers/consumer.ts';
import { databases, gateways } from './consumers/gateways.ts';
import { services } from './consumers/services.ts';

export const consumers: readonly Consumer[] = [...services, ...gateways, ...databases];
