// The configuration: defaults < file < environment < command line, checked whole before anything starts.
export type { Config } from './config/schema.ts';
