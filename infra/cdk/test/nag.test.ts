import { deepStrictEqual } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { MemberAccount, OvertimeLayer } from '../lib';
import { aggregator, artefacts, everything, INGEST, ORGANIZATION } from './fixture';

interface Report {
  readonly pluginReports: readonly {
    readonly violations: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}

/** What both packs of rules find, beside what the library acknowledges with a reason. */
function findings(app: App): string[] {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  try {
    app.synth();
  } catch (error) {
    // The report has it all; the error only says that there is one.
    if ((error as Error).name !== 'ValidationFailed') throw error;
  }
  const file = join(app.outdir, 'validation-report.json');
  if (!existsSync(file)) return [];
  const report: Report = JSON.parse(readFileSync(file, 'utf8'));
  const violations = report.pluginReports.flatMap((it) => it.violations);
  return violations.flatMap((it) => it.violatingConstructs.map((at) => `${it.ruleName}: ${at.constructPath}`)).sort();
}

function whole(): App {
  const { app } = aggregator();
  new OvertimeLayer(new Stack(app, 'Layer'), 'Layer', { artefacts: artefacts(), organizationId: ORGANIZATION });
  new MemberAccount(new Stack(app, 'Member'), 'Member', { ingestArn: INGEST });
  return app;
}

test('the rules find nothing that is not acknowledged with a reason', () => {
  deepStrictEqual(findings(whole()), []);
});

test('of everything that can be asked for, they only find that parameters are named by their path', () => {
  const found = new Set(findings(everything().app).map((it) => it.split(':')[0]));
  deepStrictEqual([...found], ['AwsSolutions-IAM5[Resource']);
});

test('the rules find what is against them', () => {
  const app = whole();
  new Bucket(new Stack(app, 'Careless'), 'Bucket');
  deepStrictEqual([...new Set(findings(app).map((it) => it.split(':')[0]))].sort(), [
    'AwsSolutions-S1',
    'AwsSolutions-S10',
  ]);
});
