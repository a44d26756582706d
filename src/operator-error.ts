// What an operator did or met that stops the work: one line that says what, why and what to do.

/** 1 failed, 2 usage, 3 nothing to do, 4 refused by a safety rule, 5 a store cannot be reached. */
export type ExitCode = 1 | 2 | 3 | 4 | 5;

export class OperatorError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OperatorError';
    this.exitCode = exitCode;
  }
}
