import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { artefacts, INGEST, ORGANIZATION, temporary } from './fixture';

function run(environment: Record<string, string>) {
  const out = temporary('overtime-example-');
  const env = { PATH: process.env.PATH, CDK_OUTDIR: out, ARTEFACTS: artefacts(), ...environment };
  const done = spawnSync(process.execPath, [join(__dirname, '../example/app.js')], { env, encoding: 'utf8' });
  const templates = readdirSync(out).filter((it) => it.endsWith('.template.json'));
  return { status: done.status, said: done.stderr, templates: templates.map((it) => it.split('.')[0]).sort() };
}

test('the example runs as it is', () => {
  const { status, said, templates } = run({ ORGANIZATION_ID: ORGANIZATION, INGEST_ARN: INGEST });
  strictEqual(status, 0, said);
  deepStrictEqual(templates, ['Overtime', 'OvertimeLayer', 'OvertimeMember', 'Payments']);
});

test('the example says what it needs', () => {
  match(run({}).said, /ORGANIZATION_ID is not set/);
});
