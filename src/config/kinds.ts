// The kinds of settings that there are, for schema.ts: durations, counts, ports, texts and secrets.
import { Type } from 'typebox';

/** What a setting's schema says beside JSON Schema's own words. */
export interface Annotations {
  /** The environment name, where it does not follow from the key. */
  'x-env'?: string;
  'x-unit'?: 'seconds' | 'bits';
  /** What it accepts, in words that finish "it must be ...", where the type does not say it. */
  'x-value'?: string;
  /** The default in words, where it depends on other settings. */
  'x-default'?: string;
  /** The least value with NODE_ENV=production. */
  'x-production-minimum'?: number;
  /** Masked when shown, and never named by value in an error. The environment has a _FILE form of it. */
  'x-secret'?: true;
  /** The environment only: it has no place in a file that is copied and reviewed. */
  'x-environment-only'?: true;
}

export const hour = 3600;
export const day = 24 * hour;
export const year = 365 * day;

/** A duration of at least one second, so that a whole life can be watched in a minute. */
export function seconds(standard: number, maximum: number, description: string, productionMinimum?: number) {
  const floor = productionMinimum === undefined ? {} : { 'x-production-minimum': productionMinimum };
  return Type.Integer({ minimum: 1, maximum, default: standard, description, 'x-unit': 'seconds', ...floor });
}

export function count(standard: number, maximum: number, description: string) {
  return Type.Integer({ minimum: 1, maximum, default: standard, description });
}

export function port(description: string, options: Annotations & { default?: number } = {}) {
  return Type.Integer({ minimum: 1, maximum: 65535, description, ...options });
}

/** `value` finishes "it must be ...". */
export function text(value: string, description: string, options: Annotations & { default?: string } = {}) {
  return Type.String({ minLength: 1, description, 'x-value': value, ...options });
}

export function secret(name: string, pattern: string, value: string) {
  return Type.String({
    pattern,
    description: `${name}, instead of its file in the keys folder.`,
    'x-value': value,
    'x-secret': true,
    'x-environment-only': true,
  });
}
