import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { DOORS, INDEXES } from '../lib/names';
import { aggregator, ORGANIZATION } from './fixture';
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
  const template = Template.fromStack(aggregator().stack);
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
});

test('a door may do what it is there for and no more', () => {
  const template = Template.fromStack(aggregator().stack);
  const may = (door: string) =>
    [...new Set(statements(template, door).flatMap(actions))].filter((it) => !it.startsWith('logs:')).sort();
  deepStrictEqual(may('ingest'), ['dynamodb:UpdateItem']);
  deepStrictEqual(may('console'), ['dynamodb:GetItem', 'dynamodb:Query']);
  deepStrictEqual(may('sweep'), [
    'dynamodb:GetItem',
    'dynamodb:PutItem',
    'dynamodb:Query',
    'dynamodb:UpdateItem',
    'sqs:SendMessage',
  ]);
  for (const door of DOORS) {
    const receives = may(door).includes('sqs:ReceiveMessage');
    strictEqual(receives, door === 'deliver' || door === 'evaluate', door);
    ok(!may(door).some((it) => /Delete(Item|Table)|Scan|BatchWrite/.test(it)), door);
  }
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
  for (const metric of ['IteratorAge', 'Url4xxCount', 'Url5xxCount', 'Invocations', 'Errors', 'Throttles']) {
    ok(alarms.includes(metric), metric);
  }
  strictEqual(alarms.filter((it) => it === 'ApproximateNumberOfMessagesVisible').length, 2);
});

test('what makes no sense is said at synthesis', () => {
  throws(() => aggregator({ organizationId: undefined }), /give organizationId, or accounts/);
  throws(() => aggregator({ organizationId: 'acme' }), /acme is no organisation/);
  throws(() => aggregator({ accounts: ['1234'] }), /1234 is no account/);
  throws(() => aggregator({ artefacts: '/nowhere' }), /run infra\/build first/);
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
