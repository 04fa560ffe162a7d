import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Overtime, type OvertimeProps } from '../lib';
import { type ArchitectureName, zips } from '../lib/names';

/** Files with the names of the zips: what is in them makes no difference to a template. */
export function artefacts(): string {
  const folder = mkdtempSync(join(tmpdir(), 'overtime-artefacts-'));
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
