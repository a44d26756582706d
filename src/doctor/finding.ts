// What the doctor finds: one line a check, and for what is not well the remedy.

export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** what to do; null where it is well */
  readonly fix: string | null;
}

export const ok = (check: string, message: string): Finding => ({ check, level: 'ok', message, fix: null });

export const warning = (check: string, message: string, fix: string): Finding => ({
  check,
  level: 'warning',
  message,
  fix,
});

export const problem = (check: string, message: string, fix: string): Finding => ({
  check,
  level: 'problem',
  message,
  fix,
});

/** The findings of a check; one that cannot be made is itself a problem. */
export async function examine(
  check: string,
  work: () => Promise<readonly Finding[]>,
  fix: string,
): Promise<readonly Finding[]> {
  try {
    return await work();
  } catch (error) {
    return [problem(check, error instanceof Error ? error.message : String(error), fix)];
  }
}
