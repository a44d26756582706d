// A change to what is registered: each member given takes the place of the old one whole, null takes it away.
import { RegistrationError } from './registration.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Throws RegistrationError for anything but a JSON object. */
export function assertJsonObject(document: unknown): asserts document is JsonObject {
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) return;
  throw new RegistrationError([{ member: '', problem: 'the metadata should be a JSON object' }]);
}

/** `before` with the members of `patch`. */
export const patched = (before: object, patch: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries({ ...before, ...patch }).filter(([, value]) => value !== null));
