import { doesNotMatch, match, strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack, Tags } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  CfnFunction,
  Code,
  DockerImageCode,
  DockerImageFunction,
  type FunctionProps,
  Function as LambdaFunction,
  LayerVersion,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { WatchFunctions, type WatchFunctionsProps } from '../lib';
import { INGEST, LAYERS, URL } from './fixture';
import { matchesSnapshot } from './snapshot';

function watched(props: Partial<WatchFunctionsProps> = {}): Stack {
  const app = new App();
  WatchFunctions.addTo(app, { url: URL, ingestArn: INGEST, layers: LAYERS, ...props });
  return new Stack(app, 'Payments', { env: { account: '111122223333', region: 'eu-west-1' } });
}

function plain(stack: Stack, id: string, props: Partial<FunctionProps> = {}): LambdaFunction {
  const code = Code.fromInline('exports.handler = async () => {}');
  return new LambdaFunction(stack, id, { runtime: Runtime.NODEJS_22_X, handler: 'index.handler', code, ...props });
}

function skipped(stack: Stack, why: string): void {
  const notes = Annotations.fromStack(stack).findInfo('*', Match.stringLikeRegexp('Overtime does not watch'));
  strictEqual(notes.length, 1);
  match(String(notes[0]?.entry.data), new RegExp(why));
  const functions = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
  for (const it of functions) strictEqual(it.Properties.Environment, undefined);
}

test('every function gets the layer for its architecture, the settings and the permission', () => {
  const stack = watched({
    tags: { team: 'payments', tier: '1' },
    nearTimeout: 0.9,
    logTail: 20,
    redactLogs: false,
    flushInterval: '30s',
    signingRegion: 'eu-central-1',
    logs: { bucket: 'example-logs', prefix: 'overtime', types: ['function', 'platform'] },
  });
  plain(stack, 'Orders', { architecture: Architecture.ARM_64 });
  plain(stack, 'Ledger');
  matchesSnapshot(stack, 'watched');
  const template = Template.fromStack(stack);
  const variables = {
    OVERTIME_URL: URL,
    OVERTIME_TAGS: 'team=payments,tier=1',
    OVERTIME_NEAR_TIMEOUT: '0.9',
    OVERTIME_LOG_TAIL: '20',
    OVERTIME_LOG_REDACT: 'off',
    OVERTIME_FLUSH_INTERVAL: '30s',
    OVERTIME_SIGNING_REGION: 'eu-central-1',
    OVERTIME_LOGS: 'function,platform',
    OVERTIME_LOGS_S3: 's3://example-logs/overtime',
  };
  for (const layer of Object.values(LAYERS)) {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Layers: [layer],
      Environment: { Variables: variables },
    });
  }
  template.allResourcesProperties('AWS::IAM::Policy', {
    PolicyDocument: {
      Statement: [
        Match.objectLike({ Action: 'lambda:InvokeFunctionUrl', Resource: INGEST }),
        {
          Action: 'lambda:InvokeFunction',
          Effect: 'Allow',
          Resource: INGEST,
          Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
        },
        {
          Action: 's3:PutObject',
          Effect: 'Allow',
          Resource: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':s3:::example-logs/overtime/*']] },
        },
      ],
    },
  });
});

test('without a prefix logs go to the bucket itself, and a function that is not told to stores none', () => {
  const stack = watched({ logs: { bucket: 'example-logs' } });
  plain(stack, 'Orders');
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: { OVERTIME_LOGS: 'function', OVERTIME_LOGS_S3: 's3://example-logs' } },
  });
  match(JSON.stringify(template.toJSON()), /:s3:::example-logs\/\*"/);
  const without = watched();
  plain(without, 'Orders');
  doesNotMatch(JSON.stringify(Template.fromStack(without).toJSON()), /s3:PutObject|OVERTIME_LOGS/);
});

test('a function that is tagged stays unwatched', () => {
  const stack = watched();
  Tags.of(plain(stack, 'Orders')).add('overtime', 'off');
  skipped(stack, 'tagged overtime=off');
});

test('a container image is left alone', () => {
  const stack = watched();
  const repository = Repository.fromRepositoryName(stack, 'Repository', 'orders');
  new DockerImageFunction(stack, 'Orders', { code: DockerImageCode.fromEcr(repository) });
  skipped(stack, 'container image');
});

test('a function with five layers is left alone', () => {
  const stack = watched();
  const layers = [1, 2, 3, 4, 5].map((it) =>
    LayerVersion.fromLayerVersionArn(stack, `Layer${it}`, `arn:aws:lambda:eu-west-1:111122223333:layer:x:${it}`),
  );
  plain(stack, 'Orders', { layers });
  skipped(stack, 'five layers|5 layers already');
});

test('a function at the edge is left alone', () => {
  const stack = watched();
  const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('edgelambda.amazonaws.com') });
  plain(stack, 'Orders', { role });
  skipped(stack, 'Lambda@Edge');
});

test('an architecture without a layer is left alone', () => {
  const stack = watched({ layers: { x86_64: LAYERS.x86_64 } });
  plain(stack, 'Orders', { architecture: Architecture.ARM_64 });
  skipped(stack, 'no layer for arm64');
});

test('a raw function is left alone', () => {
  const stack = watched();
  new CfnFunction(stack, 'Orders', { code: { zipFile: 'x' }, role: 'arn:aws:iam::111122223333:role/orders' });
  skipped(stack, 'CfnFunction');
});

test('a role that was made elsewhere is pointed out', () => {
  const stack = watched();
  const role = Role.fromRoleArn(stack, 'Role', 'arn:aws:iam::111122223333:role/orders', { mutable: false });
  plain(stack, 'Orders', { role });
  Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('attach the policy of MemberAccount'));
});
