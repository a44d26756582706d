// mintmark config check | print | schema: what the service would start with, told without starting it.
import type { Command } from 'commander';
import { configJson, configSchema, type Flags, loadConfig, printConfig } from '../../src/config.ts';

/** Adds the verbs of `config`. They answer on the command's own output, and throw OperatorError. */
export function addConfigCommands(config: Command, env: NodeJS.ProcessEnv = process.env): void {
  const write = (text: string) => config.configureOutput().writeOut?.(text);
  const writeJson = (value: unknown) => write(`${JSON.stringify(value, null, 2)}\n`);

  config
    .command('check')
    .description('say whether the service would start with FILE in this environment')
    .argument('<FILE>', 'the configuration file')
    .action((file: string) => {
      loadConfig({ env, flags: { config: file } });
      write(`${file}: nothing wrong\n`);
    });

  config
    .command('print')
    .description('show every setting, its value and where it comes from; secrets are masked')
    .option('--config <FILE>', 'the configuration file (also MINTMARK_CONFIG)')
    .option('--json', 'for programs')
    .action((_options, command: Command) => {
      const options = command.optsWithGlobals<Flags & { json?: boolean }>();
      const { config, sources } = loadConfig({ env, flags: options });
      if (options.json) writeJson(configJson(config, sources));
      else write(printConfig(config, sources));
    });

  config
    .command('schema')
    .description('print the JSON Schema of the configuration file')
    .action(() => writeJson(configSchema()));
}
