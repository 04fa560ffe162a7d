import { deepStrictEqual } from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

/** Beside the sources, not beside what they are compiled to. */
const FOLDER = join(__dirname, '../../test/snapshots');

/** Compares a stack's template with the one that is checked in; `npm run snapshots` writes it anew. */
export function matchesSnapshot(stack: Stack, name: string): void {
  const file = join(FOLDER, `${name}.json`);
  const now = JSON.parse(steady(JSON.stringify(Template.fromStack(stack).toJSON(), undefined, 2)));
  if (process.env.UPDATE_SNAPSHOTS) writeFileSync(file, `${JSON.stringify(now, undefined, 2)}\n`);
  if (!existsSync(file)) throw new Error(`there is no ${file}: npm run snapshots writes it`);
  deepStrictEqual(
    now,
    JSON.parse(readFileSync(file, 'utf8')),
    `${name} has changed: npm run snapshots, and read the diff`,
  );
}

/** Without what follows from the content of an asset: a new build of the extension is no change of the deployment. */
function steady(template: string): string {
  return template.replace(/[0-9a-f]{64}/g, 'ASSET');
}
