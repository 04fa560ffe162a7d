import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RemovalPolicy } from 'aws-cdk-lib';
import { Architecture, CfnLayerVersionPermission, Code, LayerVersion } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { type ArchitectureName, zips } from './names';

export interface OvertimeLayerProps {
  /** The folder of the zips that `infra/build` made. */
  readonly artefacts: string;
  /** Which architectures there is to be a layer for. Default: both. */
  readonly architectures?: readonly ArchitectureName[];
  /** The organisation whose accounts may use the layer. Without it only this account may. */
  readonly organizationId?: string;
}

/**
 * The extension as a layer, one for each architecture. A layer belongs to a region: deploy this once in each region that has
 * functions.
 *
 * Versions that are replaced stay, because functions that use them could not be updated any more.
 */
export class OvertimeLayer extends Construct {
  private readonly layers = new Map<ArchitectureName, LayerVersion>();

  constructor(scope: Construct, id: string, props: OvertimeLayerProps) {
    super(scope, id);
    for (const architecture of props.architectures ?? (['arm64', 'x86_64'] as const)) {
      const zip = join(props.artefacts, zips.extension(architecture));
      if (!existsSync(zip)) throw new Error(`there is no ${zip}: run infra/build first`);
      const layer = new LayerVersion(this, architecture, {
        code: Code.fromAsset(zip),
        description: `Overtime: the extension for ${architecture}`,
        license: 'Apache-2.0',
        compatibleArchitectures: [architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64],
        removalPolicy: RemovalPolicy.RETAIN,
      });
      this.layers.set(architecture, layer);
      if (props.organizationId) {
        const share = new CfnLayerVersionPermission(this, `${architecture}Share`, {
          action: 'lambda:GetLayerVersion',
          layerVersionArn: layer.layerVersionArn,
          principal: '*',
          organizationId: props.organizationId,
        });
        share.applyRemovalPolicy(RemovalPolicy.RETAIN);
      }
    }
  }

  /** The ARN of the layer for an architecture, with its version. */
  arn(architecture: ArchitectureName): string {
    const layer = this.layers.get(architecture);
    if (!layer) throw new Error(`this OvertimeLayer has no layer for ${architecture}`);
    return layer.layerVersionArn;
  }
}
