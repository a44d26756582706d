// mintmark start: the issuer itself.
import type { Command } from 'commander';

export function addStart(start: Command): void {
  start
    .option('--config <FILE>', 'the configuration (also MINTMARK_CONFIG)')
    .option('--port <N>', 'the port to listen on (also PORT)')
    .action(async (flags: { config?: string; port?: string }) => {
      const { startServer } = await import('../../src/server.ts');
      await startServer({ env: process.env, flags });
    });
}
