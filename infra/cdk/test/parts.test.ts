import { strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { MemberAccountStack, OvertimeLayer } from '../lib';
import { artefacts, INGEST, ORGANIZATION } from './fixture';
import { matchesSnapshot } from './snapshot';

test('the layer is there for both architectures, shared with the organisation, and kept', () => {
  const stack = new Stack(new App(), 'Layer');
  new OvertimeLayer(stack, 'Layer', { artefacts: artefacts(), organizationId: ORGANIZATION });
  matchesSnapshot(stack, 'layer');
  const template = Template.fromStack(stack);
  for (const architecture of ['arm64', 'x86_64']) {
    template.hasResourceProperties('AWS::Lambda::LayerVersion', { CompatibleArchitectures: [architecture] });
  }
  template.allResources('AWS::Lambda::LayerVersion', { DeletionPolicy: 'Retain' });
  template.resourceCountIs('AWS::Lambda::LayerVersionPermission', 2);
  template.allResourcesProperties('AWS::Lambda::LayerVersionPermission', { OrganizationId: ORGANIZATION });
});

test('a layer is shared with nobody unless that is asked for', () => {
  const stack = new Stack(new App(), 'Layer');
  const layer = new OvertimeLayer(stack, 'Layer', { artefacts: artefacts(), architectures: ['arm64'] });
  Template.fromStack(stack).resourceCountIs('AWS::Lambda::LayerVersionPermission', 0);
  throws(() => layer.arn('x86_64'), /no layer for x86_64/);
});

test("a member account's template can be rolled out by a StackSet: it has no assets and asks for nothing", () => {
  const stack = new MemberAccountStack(new App(), 'Member', { ingestArn: INGEST });
  matchesSnapshot(stack, 'member-account');
  const template = Template.fromStack(stack).toJSON();
  strictEqual(Object.keys(template.Resources).length, 1);
  strictEqual(template.Parameters, undefined);
  strictEqual(template.Rules, undefined);
});
