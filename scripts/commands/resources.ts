// mintmark resources ...: who access tokens are for (RFC 8707).
import type { Command } from 'commander';
import {
  createResource,
  deleteResource,
  findResource,
  type ResourceManagement,
  resourceJson,
  updateResource,
} from '../../src/oauth/resource-management.ts';
import { readDocument } from '../input.ts';
import { answer, answerJson, record, table } from '../output.ts';
import { change, done, dry, inHouse, type Options, query, verb } from '../verbs.ts';

type Document = Omit<Options, 'json'> & { json: string };

const documentHelp = 'the resource as JSON, - for stdin, @FILE for a file';

export function addResourcesCommands(resources: Command): void {
  dry(verb(resources, 'create', 'register a resource'))
    .requiredOption('--json <RESOURCE>', documentHelp)
    .addHelpText(
      'after',
      `\n--json '{"resource":"https://api.example.com","scopes":["read"],"access_token_lifetime":300,
        "profile":"rfc9068 | plain | simplejwt","signing_alg":"RS256"}'`,
    )
    .action(create);
  query(resources, 'list', 'every resource').action(list);
  query(resources, 'show <RESOURCE>', 'one resource').action(show);
  dry(verb(resources, 'update <RESOURCE>', 'change the members given; null gives one its default'))
    .requiredOption('--json <RESOURCE>', documentHelp)
    .action(update);
  change(resources, 'delete <RESOURCE>', 'issue no more tokens for it').action(remove);
}

/** Opens the house for what changes resources. */
const manage = <T>(
  options: Pick<Options, 'config'>,
  work: (management: ResourceManagement) => Promise<T>,
): Promise<T> =>
  inHouse(options, async (house) => {
    const { timetableOf } = await import('../../src/wire.ts');
    return work({ ...house, timetable: timetableOf(house.config) });
  });

async function create(options: Document): Promise<void> {
  const document = await readDocument(options.json);
  const resource = await manage(options, (house) => createResource(house, document, options));
  answerJson(resourceJson(resource));
}

async function update(uri: string, options: Document): Promise<void> {
  const patch = await readDocument(options.json);
  const resource = await manage(options, (house) => updateResource(house, uri, patch, options));
  answerJson(resourceJson(resource));
}

async function list(options: Options): Promise<void> {
  const found = await inHouse(options, ({ stores }) => stores.resources.list());
  const rows = found.map(({ resource, scopes, accessTokenLifetime, profile, signingAlg }) => [
    resource,
    scopes.join(' '),
    accessTokenLifetime,
    profile,
    signingAlg,
  ]);
  const header = ['RESOURCE', 'SCOPES', 'LIFETIME (S)', 'PROFILE', 'ALG'];
  answer(options, found.map(resourceJson), table(header, rows));
}

async function show(uri: string, options: Options): Promise<void> {
  const resource = await inHouse(options, (house) => findResource(house, uri));
  answer(options, resourceJson(resource), record(resourceJson(resource)));
}

async function remove(uri: string, options: Options): Promise<void> {
  const resource = await manage(options, (house) => deleteResource(house, uri, options));
  answer(
    options,
    resourceJson(resource),
    done(options, `${uri} is deleted; tokens issued for it live until they expire`),
  );
}
