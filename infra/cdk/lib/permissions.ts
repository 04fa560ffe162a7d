import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Door } from './door';
import type { DoorName } from './names';
import type { Tables } from './tables';

export interface AllowDoorsProps {
  readonly doors: Readonly<Record<DoorName, Door>>;
  readonly tables: Tables;
  readonly evaluateQueue: Queue;
  readonly deliverQueue: Queue;
  readonly indexes: readonly string[];
}

/**
 * What each door may do to tables and queues, beside what Lambda needs to feed it. `infra/README.md` explains each line.
 *
 * No door may delete or scan, only deliver receives messages that are to be delivered, and only ingest writes facts.
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

  ingest.allow('RecordFacts', ['dynamodb:UpdateItem'], facts);
  // The counters of what was refused, and nothing else of the state.
  ingest.allow('CountRefusals', ['dynamodb:UpdateItem'], state, {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['R#*'] },
  });

  evaluate.allow('ReadFacts', ['dynamodb:Query'], facts);
  readState(evaluate);
  evaluate.allow('WriteState', ['dynamodb:PutItem', 'dynamodb:UpdateItem'], state);
  evaluate.allow('AskForDelivery', ['sqs:SendMessage'], [props.deliverQueue.queueArn]);
  evaluate.allow('WakeItself', ['sqs:SendMessage'], [props.evaluateQueue.queueArn]);

  readState(deliver);
  deliver.allow('SettleMessages', ['dynamodb:UpdateItem'], state, {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['O#*'] },
  });
  deliver.allow('TryAgainLater', ['sqs:SendMessage'], [props.deliverQueue.queueArn]);

  sweep.allow('ReadFacts', ['dynamodb:Query'], facts);
  readState(sweep);
  sweep.allow('WriteState', ['dynamodb:PutItem', 'dynamodb:UpdateItem'], state);
  sweep.allow('AskForDelivery', ['sqs:SendMessage'], [props.deliverQueue.queueArn]);

  readState(console);
}
