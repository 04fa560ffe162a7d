import { Token } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Door } from './door';
import type { Mailbox } from './mailbox';
import { DOORS, type DoorName, WRITES } from './names';
import type { Tables } from './tables';

/**
 * What of AWS deliver may reach for the channels that subscriptions name, by ARN. Default: nothing, so that whoever may
 * change the configuration cannot have it publish or read what was never meant for it.
 */
export interface ChannelsProps {
  /** SNS topics that it may publish to. */
  readonly topicArns?: readonly string[];
  /** EventBridge buses that it may put events on. */
  readonly busArns?: readonly string[];
  /** Secrets of Secrets Manager that channels may refer to: with the six characters at their end, or `-??????`. */
  readonly secretArns?: readonly string[];
  /** Parameters of Systems Manager that channels may refer to; `…:parameter/overtime/*` is all below a path. */
  readonly parameterArns?: readonly string[];
  /** Keys of your own that those topics, secrets and parameters are encrypted with. */
  readonly keyArns?: readonly string[];
}

export interface AllowDoorsProps {
  readonly doors: Readonly<Record<DoorName, Door>>;
  readonly tables: Tables;
  readonly evaluateMail: Mailbox;
  readonly deliverMail: Mailbox;
  readonly indexes: readonly string[];
  readonly channels: ChannelsProps;
  /** What deliver's own settings refer to: the key that signs the webhook's messages, what an OpenTelemetry receiver wants to see. */
  readonly settingSecrets: readonly ISecret[];
  /** What the console must read to let people in. */
  readonly signInSecrets: readonly ISecret[];
  /** What the tables are encrypted with, if that is no key of DynamoDB's. */
  readonly encryptionKey?: IKey;
}

/**
 * What each door may do, and what Lambda may in its name to feed it. `infra/README.md` explains each line. CDK's own grants are
 * not used, because they allow more than is needed.
 *
 * No door may scan, only ingest writes facts, only deliver receives messages that are to be delivered, and of the state each
 * writes its own partitions.
 */
export function allowDoors(props: AllowDoorsProps): void {
  const { ingest, evaluate, deliver, sweep, console } = props.doors;
  const facts = [props.tables.facts.tableArn];
  const state = [props.tables.state.tableArn];
  const indexes = props.indexes.map((name) => `${props.tables.state.tableArn}/index/${name}`);
  const readState = (door: Door) => {
    door.allow('ReadState', ['dynamodb:GetItem', 'dynamodb:Query'], state);
    door.allow('ReadIndexes', ['dynamodb:Query'], indexes);
  };
  const write = (door: Door, sid: string, actions: string[], partitions = WRITES[door.name]) =>
    door.allow(sid, actions, state, { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [...partitions] } });

  ingest.allow('RecordFacts', ['dynamodb:UpdateItem'], facts);
  write(ingest, 'CountRefusals', ['dynamodb:UpdateItem']);

  evaluate.allow('ReadFacts', ['dynamodb:Query'], facts);
  readState(evaluate);
  write(evaluate, 'WriteState', ['dynamodb:PutItem', 'dynamodb:UpdateItem']);
  evaluate.allow('AskForDelivery', ['sqs:SendMessage'], [props.deliverMail.queue.queueArn]);
  evaluate.allow('WakeItself', ['sqs:SendMessage'], [props.evaluateMail.queue.queueArn]);
  receive(evaluate, props.evaluateMail);
  followFacts(evaluate, props);

  readState(deliver);
  write(deliver, 'SettleMessages', ['dynamodb:PutItem', 'dynamodb:UpdateItem']);
  deliver.allow('TryAgainLater', ['sqs:SendMessage'], [props.deliverMail.queue.queueArn]);
  receive(deliver, props.deliverMail);
  allowChannels(deliver, props);

  sweep.allow('ReadFacts', ['dynamodb:Query'], facts);
  readState(sweep);
  write(sweep, 'WriteState', ['dynamodb:PutItem', 'dynamodb:UpdateItem']);
  write(sweep, 'LeaveGroups', ['dynamodb:DeleteItem'], ['G#*']);
  sweep.allow('AskForDelivery', ['sqs:SendMessage'], [props.deliverMail.queue.queueArn]);

  readState(console);
  console.allow('AskForDelivery', ['sqs:SendMessage'], [props.deliverMail.queue.queueArn]);
  write(console, 'Configure', ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem']);
  allowSignIn(console, props.signInSecrets);

  const key = props.encryptionKey;
  if (key) for (const door of DOORS) useKey(props.doors[door], key);
}

function receive(door: Door, mail: Mailbox): void {
  const actions = ['ChangeMessageVisibility', 'DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage'];
  door.allow(
    'ReceiveMail',
    actions.map((it) => `sqs:${it}`),
    [mail.queue.queueArn],
  );
}

function followFacts(evaluate: Door, { tables, evaluateMail }: AllowDoorsProps): void {
  const actions = ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'];
  evaluate.allow('FollowFacts', actions, [tables.facts.tableStreamArn ?? '']);
  // It cannot be limited to a resource.
  evaluate.allow('FindStream', ['dynamodb:ListStreams'], ['*']);
  evaluate.allow('GiveUpRecords', ['sqs:SendMessage'], [evaluateMail.deadLetters.queueArn]);
}

/** What a channel may need of AWS, for as much as was asked for. */
function allowChannels(deliver: Door, { channels, settingSecrets }: AllowDoorsProps): void {
  const secrets = [...(channels.secretArns ?? []), ...settingSecrets.map(arnOf)];
  const keys = [
    ...(channels.keyArns ?? []),
    ...settingSecrets.flatMap((it) => (it.encryptionKey ? [it.encryptionKey.keyArn] : [])),
  ];
  const some = (sid: string, actions: string[], arns: readonly string[], conditions?: Parameters<Door['allow']>[3]) => {
    if (arns.length > 0) deliver.allow(sid, actions, arns.map(anArn), conditions);
  };
  some('PublishToTopics', ['sns:Publish'], channels.topicArns ?? []);
  some('PutOnBuses', ['events:PutEvents'], channels.busArns ?? []);
  some('ReadSecrets', ['secretsmanager:GetSecretValue'], secrets);
  some('ReadParameters', ['ssm:GetParameter'], channels.parameterArns ?? []);
  // Publishing to an encrypted topic needs a data key; reading only needs to decrypt.
  some('UseChannelKeys', ['kms:Decrypt', 'kms:GenerateDataKey'], keys, {
    StringLike: { 'kms:ViaService': ['secretsmanager.*', 'sns.*', 'ssm.*'] },
  });
}

/** Its own secrets, and none of a channel's. */
function allowSignIn(console: Door, secrets: readonly ISecret[]): void {
  if (secrets.length === 0) return;
  console.allow('ReadSignInSecrets', ['secretsmanager:GetSecretValue'], secrets.map(arnOf));
  const keys = secrets.flatMap((it) => (it.encryptionKey ? [it.encryptionKey.keyArn] : []));
  if (keys.length > 0) {
    console.allow('UseSignInKeys', ['kms:Decrypt'], keys, { StringLike: { 'kms:ViaService': ['secretsmanager.*'] } });
  }
}

function useKey(door: Door, key: IKey): void {
  door.allow('UseKey', ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey'], [key.keyArn], {
    StringLike: { 'kms:ViaService': ['dynamodb.*'] },
  });
}

/** As policies need it: with the six characters that Secrets Manager adds to a name, known or not. */
function arnOf(secret: ISecret): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}

function anArn(text: string): string {
  const whole = Token.isUnresolved(text) || /^arn:[a-z-]+:[a-z]+:[a-z0-9-]*:[0-9]{12}:.+$/.test(text);
  if (!whole) throw new Error(`${text} is no ARN of one account's resource`);
  return text;
}
