// mintmark doctor: asks a running deployment what an operator would.
import type { Command } from 'commander';
import { systemClock } from '../../src/clock.ts';
import type { Config } from '../../src/config.ts';
import { deploymentFindings } from '../../src/doctor/deployment.ts';
import { examine, type Finding } from '../../src/doctor/finding.ts';
import { productionFindings } from '../../src/doctor/production.ts';
import { storeFindings } from '../../src/doctor/stores.ts';
import { answer, table } from '../output.ts';
import { configOf, inHouse, type Options } from '../verbs.ts';

type Question = Options & { production?: boolean; issuer?: string };

export function addDoctor(doctor: Command): void {
  doctor
    .option('--production', 'say as well what is missing for production')
    .option('--issuer <URL>', 'another deployment, over HTTP alone; no store is opened')
    .option('--config <FILE>', 'the configuration (also MINTMARK_CONFIG)')
    .option('--json', 'answer with one JSON value')
    .action(run);
}

async function run(options: Question): Promise<void> {
  const findings =
    options.issuer === undefined ? await ownFindings(options) : await foreignFindings(options.issuer);
  const problems = findings.filter(({ level }) => level === 'problem').length;
  const rows = findings.map(({ check, level, message, fix }) => [
    level,
    check,
    fix === null ? message : `${message}: ${fix}`,
  ]);
  answer(options, { problems, findings }, table(['LEVEL', 'CHECK', 'FINDING'], rows));
  if (problems > 0) process.exitCode = 1;
}

const foreignFindings = (issuer: string): Promise<Finding[]> =>
  deploymentFindings({ issuer, operatorUrl: originOf(issuer), clock: systemClock, jwksMaxAge: undefined });

async function ownFindings(options: Question): Promise<Finding[]> {
  const config = configOf(options);
  const { issuer, keys } = config;
  const production = options.production
    ? productionFindings({ env: process.env, flags: { config: options.config } })
    : [];
  const stores = await examine(
    'stores',
    () => inHouse(options, storeFindings, { migrate: false }),
    'see that they run, and what the configuration says of them: `mintmark config print`',
  );
  const deployment = {
    issuer,
    operatorUrl: operatorUrlOf(config),
    clock: systemClock,
    jwksMaxAge: keys.jwks_max_age,
  };
  return [...(await deploymentFindings(deployment)), ...stores, ...production];
}

/** A port of its own is asked on this machine; the issuer's proxy need not know it. */
function operatorUrlOf({ issuer, operator_port, host }: Config): string {
  if (operator_port === undefined) return originOf(issuer);
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${operator_port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${operator_port}`;
}

const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : url);
