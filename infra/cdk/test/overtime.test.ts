import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { DOORS, INDEXES, WRITES } from '../lib/names';
import { aggregator, CHANNELS, everything, ORGANIZATION } from './fixture';
import { matchesSnapshot } from './snapshot';

type Statement = { Sid?: string; Action: string | string[]; Resource: unknown; Condition?: unknown };

/** What the roles of a template may do, by the door whose role it is. */
function statements(template: Template, door: string): Statement[] {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'));
  const name = `Overtime${door.charAt(0).toUpperCase()}${door.slice(1)}Role`;
  return policies
    .filter(([id]) => id.startsWith(name))
    .flatMap(([, it]) => it.Properties.PolicyDocument.Statement as Statement[]);
}

function actions(statement: Statement): string[] {
  return [statement.Action].flat();
}

test('the aggregator is what it was', () => {
  matchesSnapshot(aggregator().stack, 'aggregator');
});

test('the aggregator with everything that can be asked for is what it was', () => {
  matchesSnapshot(everything().stack, 'everything');
});

test('tables can be restored, expire, are encrypted, and are kept', () => {
  const template = Template.fromStack(aggregator().stack);
  template.resourceCountIs('AWS::DynamoDB::Table', 2);
  template.allResourcesProperties('AWS::DynamoDB::Table', {
    BillingMode: 'PAY_PER_REQUEST',
    DeletionProtectionEnabled: true,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    TimeToLiveSpecification: { AttributeName: 'x', Enabled: true },
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  template.allResources('AWS::DynamoDB::Table', { DeletionPolicy: 'Retain' });
  template.hasResourceProperties('AWS::DynamoDB::Table', { StreamSpecification: { StreamViewType: 'KEYS_ONLY' } });
  template.hasResourceProperties('AWS::DynamoDB::Table', {
    GlobalSecondaryIndexes: INDEXES.map((it) => Match.objectLike({ IndexName: it.name })),
  });
});

test('every door is its own function, with a reserved concurrency and a log that ends', () => {
  const template = Template.fromStack(aggregator().stack);
  template.resourceCountIs('AWS::Lambda::Function', DOORS.length);
  for (const door of DOORS) {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Architectures: ['arm64'],
      Runtime: 'provided.al2023',
      ReservedConcurrentExecutions: Match.anyValue(),
      LoggingConfig: { LogGroup: Match.anyValue() },
      Environment: { Variables: Match.objectLike({ OVERTIME_DOOR: door, OVERTIME_FACTS_TABLE: Match.anyValue() }) },
    });
  }
  template.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
});

test('only the organisation may call ingest, and only through its URL', () => {
  const template = Template.fromStack(aggregator().stack);
  template.allResourcesProperties('AWS::Lambda::Url', { AuthType: 'AWS_IAM' });
  const permissions = Object.values(template.findResources('AWS::Lambda::Permission'));
  const open = permissions.map((it) => it.Properties).filter((it) => it.Principal === '*');
  strictEqual(open.length, 2);
  for (const permission of open) strictEqual(permission.PrincipalOrgID, ORGANIZATION);
  const invoke = open.find((it) => it.Action === 'lambda:InvokeFunction');
  strictEqual(invoke?.InvokedViaFunctionUrl, true);
  const url = open.find((it) => it.Action === 'lambda:InvokeFunctionUrl');
  strictEqual(url?.FunctionUrlAuthType, 'AWS_IAM');
});

test('no role may do everything, or anything with everything', () => {
  for (const { stack } of [aggregator(), everything()]) {
    const template = Template.fromStack(stack);
    const policies = Object.values(template.findResources('AWS::IAM::Policy'));
    const all = policies.flatMap((it) => it.Properties.PolicyDocument.Statement as Statement[]);
    ok(all.length > 15);
    for (const statement of all) {
      for (const action of actions(statement)) ok(!action.includes('*'), `${statement.Sid} allows ${action}`);
      // Lambda's own code for streams: the action has no resource to be limited to.
      const limited = actions(statement).some((it) => it !== 'dynamodb:ListStreams');
      if (limited)
        ok(
          [statement.Resource].flat().every((it) => it !== '*'),
          `${statement.Sid} is not limited`,
        );
    }
  }
});

test('a door may do what it is there for and no more', () => {
  const template = Template.fromStack(aggregator().stack);
  const may = (door: string) =>
    [...new Set(statements(template, door).flatMap(actions))].filter((it) => !it.startsWith('logs:')).sort();
  const reading = ['dynamodb:GetItem', 'dynamodb:Query'];
  const writing = ['dynamodb:PutItem', 'dynamodb:UpdateItem'];
  const receiving = ['ChangeMessageVisibility', 'DeleteMessage', 'GetQueueAttributes', 'ReceiveMessage'];
  const following = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map((it) => `dynamodb:${it}`);
  const mail = [...receiving, 'SendMessage'].map((it) => `sqs:${it}`);
  deepStrictEqual(may('ingest'), ['dynamodb:UpdateItem']);
  deepStrictEqual(may('evaluate'), [...following, ...reading, ...writing, ...mail].sort());
  deepStrictEqual(may('deliver'), [...reading, ...writing, ...mail].sort());
  deepStrictEqual(may('sweep'), ['dynamodb:DeleteItem', ...reading, ...writing, 'sqs:SendMessage'].sort());
  deepStrictEqual(may('console'), ['dynamodb:DeleteItem', ...reading, ...writing, 'sqs:SendMessage'].sort());
});

test('a door writes its own partitions of the state', () => {
  const template = Template.fromStack(aggregator().stack);
  for (const door of DOORS) {
    const writing = statements(template, door).filter((it) => /(Put|Update|Delete)Item/.test(actions(it).join()));
    const onState = writing.filter((it) => !JSON.stringify(it.Resource).includes('Facts'));
    const partitions = door === 'sweep' ? [WRITES[door], ['G#*']] : [WRITES[door]];
    deepStrictEqual(
      onState.map((it) => it.Condition),
      partitions.map((it) => ({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': it } })),
      door,
    );
    strictEqual(writing.length - onState.length, door === 'ingest' ? 1 : 0, `${door} and facts`);
  }
});

test('deliver reaches what it was told of and nothing else, and no other door does', () => {
  const template = Template.fromStack(everything().stack);
  const beyond = (door: string) =>
    statements(template, door).filter((it) => /^(sns|events|secretsmanager|ssm):/.test(actions(it).join()));
  for (const door of DOORS.filter((it) => it !== 'deliver' && it !== 'console'))
    deepStrictEqual(beyond(door), [], door);
  // The console reads what it lets people in by, and nothing of a channel's.
  const mine = ['session', 'admins', 'viewers', 'oidc'].map(
    (it) => `arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/${it}-a1b2c3`,
  );
  deepStrictEqual(
    beyond('console').map((it) => [it.Sid, it.Action, it.Resource]),
    [['ReadSignInSecrets', 'secretsmanager:GetSecretValue', mine]],
  );
  const secret = (name: string) => `arn:aws:secretsmanager:eu-west-1:999988887777:secret:overtime/${name}`;
  deepStrictEqual(
    beyond('deliver').map((it) => [it.Action, [it.Resource].flat()]),
    [
      ['sns:Publish', CHANNELS.topicArns],
      ['events:PutEvents', CHANNELS.busArns],
      ['secretsmanager:GetSecretValue', [...CHANNELS.secretArns, secret('hook-a1b2c3'), secret('otlp-a1b2c3')]],
      ['ssm:GetParameter', CHANNELS.parameterArns],
    ],
  );
  const none = statements(Template.fromStack(aggregator().stack), 'deliver');
  deepStrictEqual(
    none.map((it) => it.Sid).filter((it) => /Publish|Buses|Secrets|Parameters|Keys/.test(it ?? '')),
    [],
  );
});

test('the console lets everybody through to its own door only where it asks who they are', () => {
  const auth = (template: Template) =>
    Object.entries(template.findResources('AWS::Lambda::Url')).map(([id, it]) => [
      id.startsWith('OvertimeConsole') ? 'console' : 'ingest',
      it.Properties.AuthType,
    ]);
  const asked = [
    ['console', 'NONE'],
    ['ingest', 'AWS_IAM'],
  ];
  deepStrictEqual(auth(Template.fromStack(everything().stack)).sort(), asked);
  const signed = [
    ['console', 'AWS_IAM'],
    ['ingest', 'AWS_IAM'],
  ];
  deepStrictEqual(auth(Template.fromStack(aggregator().stack)).sort(), signed);
  const granted = Template.fromStack(
    aggregator({ signIn: { grants: { admin: ['*:assumed-role/Platform/*'] } } }).stack,
  );
  deepStrictEqual(auth(granted).sort(), signed, 'roles alone open nothing');
  throws(() => aggregator({ signIn: { tokens: {} } }), /sessionKey/);
});

test('the key of the webhook is read by deliver, and stands nowhere', () => {
  const template = JSON.stringify(Template.fromStack(everything().stack).toJSON());
  ok(!template.includes('{{resolve:'), 'CloudFormation resolves a secret into the template');
  match(template, /secretsmanager:arn:aws:secretsmanager/);
});

test('verdicts are evaluated at once and tallies are gathered, and what expires is no news', () => {
  const template = Template.fromStack(aggregator().stack);
  const mappings = Object.values(template.findResources('AWS::Lambda::EventSourceMapping')).map((it) => it.Properties);
  const streams = mappings.filter((it) => it.FilterCriteria);
  const told = streams.map((it) => [
    JSON.parse(it.FilterCriteria.Filters[0].Pattern),
    it.MaximumBatchingWindowInSeconds ?? 0,
  ]);
  const pattern = (prefix: string) => ({
    eventName: ['INSERT', 'MODIFY'],
    dynamodb: { Keys: { sk: { S: [{ prefix }] } } },
  });
  deepStrictEqual(told, [
    [pattern('V#'), 0],
    [pattern('T#'), 60],
  ]);
  for (const mapping of mappings) deepStrictEqual(mapping.FunctionResponseTypes, ['ReportBatchItemFailures']);
  for (const stream of streams) ok(stream.DestinationConfig.OnFailure.Destination);
  strictEqual(mappings.length, 4);
});

test('what nobody could work on ends in a queue that is watched', () => {
  const template = Template.fromStack(aggregator().stack);
  template.resourceCountIs('AWS::SQS::Queue', 4);
  template.allResourcesProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map((it) => it.Properties.MetricName);
  for (const metric of [
    'IteratorAge',
    'LateFacts',
    'Url4xxCount',
    'Url5xxCount',
    'Invocations',
    'Errors',
    'Throttles',
  ]) {
    ok(alarms.includes(metric), metric);
  }
  strictEqual(alarms.filter((it) => it === 'ApproximateNumberOfMessagesVisible').length, 2);
});

test('what makes no sense is said at synthesis', () => {
  throws(() => aggregator({ organizationId: undefined }), /give organizationId, or accounts/);
  throws(() => aggregator({ organizationId: 'acme' }), /acme is no organisation/);
  throws(() => aggregator({ accounts: ['1234'] }), /1234 is no account/);
  throws(() => aggregator({ artefacts: '/nowhere' }), /run infra\/build first/);
  throws(() => aggregator({ channels: { topicArns: ['*'] } }), /\* is no ARN/);
});

test('an account may report without an organisation, and the console is read by whom it is granted to', () => {
  const { stack, overtime } = aggregator({ organizationId: undefined, accounts: ['111122223333'] });
  strictEqual(typeof overtime.consoleUrl, 'string');
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Permission', {
    Principal: '111122223333',
    Action: 'lambda:InvokeFunction',
    InvokedViaFunctionUrl: true,
  });
});
