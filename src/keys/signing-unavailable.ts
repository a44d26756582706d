// Why there is no token now, where it is nobody's fault.

/** No signature can be had now: the queue is full, or no key may sign. Nothing was consumed; try again. */
export class SigningUnavailableError extends Error {
  override readonly name = 'SigningUnavailableError';
}
