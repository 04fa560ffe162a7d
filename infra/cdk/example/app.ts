/**
 * Overtime for one organisation, in one region, with one watched function: a place to start from.
 *
 *     infra/build
 *     cd infra/cdk && npm ci && npm run build
 *     ORGANIZATION_ID=o-a1b2c3d4e5 npx aws-cdk synth
 *
 * Stacks of their own, because they are deployed differently: `Overtime` once, `OvertimeLayer` in every region that has
 * functions, `Payments` with a team's own functions, and, with `INGEST_ARN` set, `OvertimeMember` in every account.
 */
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { MemberAccountStack, Overtime, OvertimeLayer, WatchFunctions } from '../lib';

const organizationId = process.env.ORGANIZATION_ID;
if (!organizationId) throw new Error('ORGANIZATION_ID is not set: `aws organizations describe-organization` tells it');
const artefacts = process.env.ARTEFACTS ?? join(__dirname, '../../../../target/artefacts');

const app = new App();
const aggregator = new Stack(app, 'Overtime');
const overtime = new Overtime(aggregator, 'Overtime', { artefacts, organizationId });

const shared = new Stack(app, 'OvertimeLayer');
const layer = new OvertimeLayer(shared, 'Layer', { artefacts, organizationId });

// A template for StackSets cannot import from another stack, so it is made when the aggregator's output is known.
const ingestArn = process.env.INGEST_ARN;
if (ingestArn) new MemberAccountStack(app, 'OvertimeMember', { ingestArn });

const payments = new Stack(app, 'Payments');
new LambdaFunction(payments, 'Orders', {
  runtime: Runtime.NODEJS_22_X,
  architecture: Architecture.ARM_64,
  handler: 'index.handler',
  code: Code.fromInline('exports.handler = async () => ({ ok: true });'),
});
WatchFunctions.addTo(payments, {
  url: overtime.url,
  ingestArn: overtime.ingestArn,
  layers: { arm64: layer.arn('arm64'), x86_64: layer.arn('x86_64') },
  tags: { team: 'payments' },
});

app.synth();
