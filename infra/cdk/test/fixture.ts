import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Overtime, type OvertimeProps } from '../lib';
import { type ArchitectureName, zips } from '../lib/names';

/** A folder that goes with the process. */
export function temporary(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Files with the names of the zips: what is in them makes no difference to a template. */
export function artefacts(): string {
  const folder = temporary('overtime-artefacts-');
  for (const architecture of ['x86_64', 'arm64'] as ArchitectureName[]) {
    for (const name of [zips.extension(architecture), zips.aggregator(architecture)]) {
      writeFileSync(join(folder, name), name);
    }
  }
  return folder;
}

export const ORGANIZATION = 'o-a1b2c3d4e5';
export const INGEST = 'arn:aws:lambda:eu-west-1:999988887777:function:overtime-ingest';
export const URL = 'https://abc123.lambda-url.eu-west-1.on.aws/';
export const LAYERS = {
  arm64: 'arn:aws:lambda:eu-west-1:999988887777:layer:overtime-arm64:1',
  x86_64: 'arn:aws:lambda:eu-west-1:999988887777:layer:overtime-x86_64:1',
};

export function aggregator(props: Partial<OvertimeProps> = {}): { app: App; stack: Stack; overtime: Overtime } {
  const app = new App();
  const stack = new Stack(app, 'Aggregator');
  const overtime = new Overtime(stack, 'Overtime', { artefacts: artefacts(), organizationId: ORGANIZATION, ...props });
  return { app, stack, overtime };
}

const HERE = 'eu-west-1:999988887777';

/** Where channels lead, as Terraform's tests have them, too. */
export const CHANNELS = {
  topicArns: [`arn:aws:sns:${HERE}:timeouts`],
  busArns: [`arn:aws:events:${HERE}:event-bus/timeouts`],
  secretArns: [`arn:aws:secretsmanager:${HERE}:secret:overtime/slack-??????`],
  parameterArns: [`arn:aws:ssm:${HERE}:parameter/overtime/*`],
  keyArns: [`arn:aws:kms:${HERE}:key/11111111-2222-3333-4444-555555555555`],
};

/** The aggregator with everything that can be asked for. */
export function everything(): { app: App; stack: Stack; overtime: Overtime } {
  const app = new App();
  const stack = new Stack(app, 'Aggregator');
  const arn = (service: string, resource: string) => `arn:aws:${service}:${HERE}:${resource}`;
  const secret = (id: string, name: string) =>
    Secret.fromSecretCompleteArn(stack, id, arn('secretsmanager', `secret:overtime/${name}`));
  const overtime = new Overtime(stack, 'Overtime', {
    artefacts: artefacts(),
    organizationId: ORGANIZATION,
    accounts: ['111122223333'],
    architecture: 'x86_64',
    sizes: { evaluate: { memoryMb: 1024, timeoutSeconds: 120 }, deliver: { concurrency: null } },
    webhook: {
      url: 'https://example.com/hook',
      secret: Secret.fromSecretCompleteArn(stack, 'Hook', arn('secretsmanager', 'secret:overtime/hook-a1b2c3')),
    },
    channels: CHANNELS,
    privateNetworks: ['10.1.0.0/16', '10.2.0.0/16'],
    consoleUrl: 'https://overtime.example/',
    portalUrl: 'https://example.awsapps.com/start/#/console?account_id={account}&destination={destination}',
    signIn: {
      provider: {
        issuer: 'https://login.example/tenant',
        clientId: 'overtime',
        clientSecret: secret('Client', 'oidc-a1b2c3'),
        scopes: ['openid', 'email', 'groups'],
      },
      tokens: { admin: secret('Admins', 'admins-a1b2c3'), viewer: secret('Viewers', 'viewers-a1b2c3') },
      sessionKey: secret('Session', 'session-a1b2c3'),
      sessionIdle: Duration.minutes(30),
      sessionMax: Duration.hours(8),
      rolesClaim: 'groups',
      grants: { admin: ['platform'], operator: ['on-call'], viewer: ['*'] },
      hosts: ['overtime.internal.example'],
    },
    otlp: { endpoint: 'https://otlp.example', headers: secret('Otlp', 'otlp-a1b2c3') },
    metrics: { namespace: 'Overtime', dimensions: [['account', 'region', 'function'], ['account']] },
    retention: {
      facts: Duration.hours(96),
      blocks: Duration.days(20),
      hours: Duration.days(800),
      timeouts: Duration.days(180),
      logTails: Duration.days(7),
      messages: Duration.days(14),
    },
    logRetention: 90,
    log: 'info,overtime=debug',
    alarmTopic: Topic.fromTopicArn(stack, 'Alarms', arn('sns', 'alarms')),
    encryptionKey: Key.fromKeyArn(stack, 'Key', arn('kms', 'key/66666666-7777-8888-9999-000000000000')),
  });
  return { app, stack, overtime };
}
