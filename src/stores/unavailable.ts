// A store that cannot be reached, or cannot answer in time. The outcome of what was asked is unknown, never "not done".

export class StoreUnavailableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreUnavailableError';
  }
}
