// The hosts that stay on this machine, and so the only ones that http is good enough for.
import { isIPv4 } from 'node:net';

/** `localhost`, 127.0.0.0/8 and ::1, spelt as URL.hostname spells them. */
export const isLoopbackHost = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
