// mintmark clients ...: who may ask for tokens.
import type { Command } from 'commander';
import {
  addClientSecret,
  type ClientInformation,
  clientJson,
  findClient,
  registerClient,
  retireOldSecrets,
  setClientDisabled,
  updateClient,
} from '../../src/oauth/client-management.ts';
import { OperatorError } from '../../src/operator-error.ts';
import type { ClientRecord } from '../../src/stores/stores.ts';
import { dateInWords } from '../../src/words.ts';
import { readDocument } from '../input.ts';
import { answer, answerJson, note, record, table } from '../output.ts';
import { change, done, dry, inHouse, type Options, query, verb } from '../verbs.ts';

type Document = Omit<Options, 'json'> & { json: string };
type SecretOptions = Options & { retireOld?: boolean; replace?: boolean };

const documentHelp = 'RFC 7591 metadata as JSON, - for stdin, @FILE for a file';

export function addClientsCommands(clients: Command): void {
  dry(verb(clients, 'create', 'register a client; its secret is shown once'))
    .requiredOption('--json <METADATA>', documentHelp)
    .action(create);
  query(clients, 'list', 'every client').action(list);
  query(clients, 'show <ID>', 'one client').action(show);
  dry(verb(clients, 'update <ID>', 'change the members given; null takes one away'))
    .requiredOption('--json <METADATA>', documentHelp)
    .action(update);
  change(clients, 'secret <ID>', 'add a second live secret, shown once')
    .option('--retire-old', 'make none; leave only the newest')
    .option('--replace', 'at once the only one, for a secret that leaked')
    .action(secret);
  change(clients, 'disable <ID>', 'refuse the client from now on').action(disabling(true));
  change(clients, 'enable <ID>', 'serve the client again').action(disabling(false));
}

async function create(options: Document): Promise<void> {
  const metadata = await readDocument(options.json);
  const client = await inHouse(options, (house) => registerClient(house, metadata, options));
  answerJson(client);
}

async function update(id: string, options: Document): Promise<void> {
  const patch = await readDocument(options.json);
  const client = await inHouse(options, (house) => updateClient(house, id, patch, options));
  answerJson(client);
}

async function list(options: Options): Promise<void> {
  const found = await inHouse(options, ({ stores }) => stores.clients.list());
  const rows = found.map(({ clientId, metadata, secrets, disabledAt }) => [
    clientId,
    metadata.client_name,
    metadata.token_endpoint_auth_method,
    metadata.grant_types.join(' '),
    secrets.length,
    stateOf({ disabledAt }),
  ]);
  const header = ['CLIENT ID', 'NAME', 'AUTHENTICATION', 'GRANT TYPES', 'SECRETS', 'STATE'];
  answer(options, found.map(clientJson), table(header, rows));
}

async function show(id: string, options: Options): Promise<void> {
  const client = await inHouse(options, (house) => findClient(house, id));
  answer(options, clientJson(client), record({ state: stateOf(client), ...clientJson(client) }));
}

const stateOf = ({ disabledAt }: Pick<ClientRecord, 'disabledAt'>): string =>
  disabledAt === null ? 'enabled' : `disabled ${dateInWords(disabledAt)}`;

async function secret(id: string, options: SecretOptions): Promise<void> {
  if (options.retireOld && options.replace) {
    throw new OperatorError('--retire-old makes no secret and --replace makes one: give only one of them', 2);
  }
  const client = await inHouse(options, (house) =>
    options.retireOld ? retireOldSecrets(house, id, options) : addClientSecret(house, id, options),
  );
  const { client_id, client_secret, client_secret_expires_at } = client;
  const isShown = client_secret !== undefined;
  if (isShown) note('the secret is shown this once');
  answer(
    options,
    { client_id, ...(isShown && { client_secret, client_secret_expires_at }) },
    isShown
      ? client_secret
      : done(options, options.retireOld ? `${id} has one secret left` : `${id} has a new secret`),
  );
}

function disabling(disabled: boolean) {
  return async (id: string, options: Options): Promise<void> => {
    const client: ClientInformation = await inHouse(options, (house) =>
      setClientDisabled(house, id, disabled, options),
    );
    answer(
      options,
      { client_id: client.client_id, disabled },
      done(options, `${id} is ${disabled ? 'disabled' : 'enabled'}`),
    );
  };
}
