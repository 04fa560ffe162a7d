import { Annotations, AspectPriority, Aspects, type IAspect, Stack } from 'aws-cdk-lib';
import { Grant, Role } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  CfnFunction,
  type ILayerVersion,
  Function as LambdaFunction,
  LayerVersion,
} from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import { type ArchitectureName, DEFAULTS } from './names';
import { grantUrl } from './overtime';

/** What a function's tally and alerts are to know, and how often it reports. */
export interface WatchFunctionsProps {
  /** The aggregator's URL, `Overtime.url` or what its stack put out. */
  readonly url: string;
  /** The ARN of the aggregator's ingest function, which the functions' roles are allowed to call. */
  readonly ingestArn: string;
  /** ARNs of the layers, with their version, in the functions' region. Functions of an architecture without one are skipped. */
  readonly layers: Partial<Record<ArchitectureName, string>>;
  /** Shown with the functions and usable in alerts. */
  readonly tags?: Readonly<Record<string, string>>;
  /** From which share of its timeout a successful invocation counts as near to it. Default: the extension's, 0.8. */
  readonly nearTimeout?: number;
  /** How many of the last lines of a timed-out request's log are sent with it. Default: none. Read about privacy first. */
  readonly logTail?: number;
  /** `false` sends those lines as they were written, secrets and all. Default: `true`. */
  readonly redactLogs?: boolean;
  /** How often ordinary counts are sent at most, such as `60s`. Default: the extension's, a minute. Timeouts never wait. */
  readonly flushInterval?: string;
  /** The region to sign requests for, where the host of `url` does not say it. */
  readonly signingRegion?: string;
  /** A bucket that the extension stores the functions' logs in; their roles may put objects below the prefix. Default: none. */
  readonly logs?: StoredLogs;
  /** The tag that keeps a function unwatched. Default: `overtime` = `off`. */
  readonly optOut?: { readonly tag: string; readonly value: string };
}

/** Where logs go, and whose. */
export interface StoredLogs {
  /** The name of a bucket. */
  readonly bucket: string;
  /** What keys begin with, without a slash at either end. Default: nothing. */
  readonly prefix?: string;
  /** Default: `function` alone. */
  readonly types?: readonly ('function' | 'extension' | 'platform')[];
}

/** Lambda takes no more layers than this. */
const LAYERS_MAX = 5;

/** Between what changes constructs and what only reads them. */
const AFTER_OTHERS = (AspectPriority.DEFAULT + AspectPriority.READONLY) / 2;

/**
 * Watches every function of an app or stack: adds the layer for its architecture, the settings, and the permission.
 *
 * ```ts
 * WatchFunctions.addTo(app, { url, ingestArn, layers: { arm64: layerArn } });
 * ```
 *
 * What it cannot or shall not watch it leaves as it is, and says why in a note at synthesis.
 */
export class WatchFunctions implements IAspect {
  private readonly shared = new Map<string, ILayerVersion>();

  /** Watches every function below `scope`. */
  static addTo(scope: IConstruct, props: WatchFunctionsProps): void {
    // After whatever adds tags and layers, which decide whether a function can be watched.
    Aspects.of(scope).add(new WatchFunctions(props), { priority: AFTER_OTHERS });
  }

  private constructor(private readonly props: WatchFunctionsProps) {}

  visit(node: IConstruct): void {
    if (!(node instanceof CfnFunction)) return;
    // Tags come to the resource itself, so only there it is known whether somebody opted out.
    const owner = node.node.scope;
    if (owner instanceof LambdaFunction) this.watch(owner, node);
    else this.skip(node, 'it is a CfnFunction without a role that a permission could be added to: see infra/README.md');
  }

  private watch(watched: LambdaFunction, raw: CfnFunction) {
    const reason = this.reasonToSkip(watched, raw);
    if (reason) {
      this.skip(watched, reason);
      return;
    }
    watched.addLayers(this.layer(watched, architectureOf(watched)));
    for (const [name, value] of Object.entries(this.environment())) watched.addEnvironment(name, value);
    grantUrl(watched, this.props.ingestArn);
    if (this.props.logs) grantStoring(watched, this.props.logs);
    // What is added to an imported role may be dropped without a word: CDK does not change what it did not make.
    if (watched.role && !Role.isRole(watched.role)) {
      Annotations.of(watched).addWarningV2(
        'overtime:role',
        `Overtime: the role of ${watched.node.path} was made elsewhere; attach the policy of MemberAccount to it`,
      );
    }
  }

  private reasonToSkip(watched: LambdaFunction, raw: CfnFunction): string | undefined {
    const optOut = this.props.optOut ?? DEFAULTS.optOut;
    if (raw.tags.tagValues()[optOut.tag] === optOut.value) {
      return `it is tagged ${optOut.tag}=${optOut.value}`;
    }
    if (raw.packageType === 'Image') return 'it is a container image, which has no layers: COPY the extension into it';
    if (isAtEdge(watched)) return 'Lambda@Edge takes neither layers nor environment variables';
    if (!this.props.layers[architectureOf(watched)]) return `there is no layer for ${architectureOf(watched)}`;
    const layers = Stack.of(watched).resolve(raw.layers);
    if (Array.isArray(layers) && layers.length >= LAYERS_MAX) return `it has ${layers.length} layers already`;
    return undefined;
  }

  private environment(): Record<string, string> {
    const { url, nearTimeout, logTail, tags, redactLogs, flushInterval, signingRegion, logs } = this.props;
    const names = DEFAULTS.settings;
    const said = Object.entries(tags ?? {}).map(([name, value]) => `${name}=${value}`);
    return {
      [names.url]: url,
      ...(nearTimeout === undefined ? {} : { [names.nearTimeout]: String(nearTimeout) }),
      ...(logTail === undefined ? {} : { [names.logTail]: String(logTail) }),
      ...(redactLogs === false ? { [names.logRedact]: 'off' } : {}),
      ...(flushInterval === undefined ? {} : { [names.flushInterval]: flushInterval }),
      ...(signingRegion === undefined ? {} : { [names.signingRegion]: signingRegion }),
      ...(logs === undefined
        ? {}
        : { [names.logs]: (logs.types ?? ['function']).join(','), [names.logsS3]: `s3://${placeOf(logs)}` }),
      ...(said.length === 0 ? {} : { [names.tags]: said.join(',') }),
    };
  }

  /** One import for all functions of a stack. */
  private layer(watched: LambdaFunction, architecture: ArchitectureName): ILayerVersion {
    const stack = Stack.of(watched);
    const id = `OvertimeLayer-${architecture}`;
    const key = `${stack.node.addr}${id}`;
    const known = this.shared.get(key);
    if (known) return known;
    const arn = this.props.layers[architecture] ?? '';
    const layer = LayerVersion.fromLayerVersionArn(stack, id, arn);
    this.shared.set(key, layer);
    return layer;
  }

  private skip(node: IConstruct, why: string) {
    Annotations.of(node).addInfoV2('overtime:skipped', `Overtime does not watch ${node.node.path}: ${why}`);
  }
}

/** Objects are put below the prefix, and never read, listed or deleted. */
function grantStoring(watched: LambdaFunction, logs: StoredLogs): void {
  const below = `${placeOf(logs)}/*`;
  const resource = Stack.of(watched).formatArn({ service: 's3', region: '', account: '', resource: below });
  Grant.addToPrincipal({ grantee: watched, actions: ['s3:PutObject'], resourceArns: [resource] });
}

function placeOf({ bucket, prefix }: StoredLogs): string {
  return prefix ? `${bucket}/${prefix}` : bucket;
}

function architectureOf(watched: LambdaFunction): ArchitectureName {
  return watched.architecture === Architecture.ARM_64 ? 'arm64' : 'x86_64';
}

/** An EdgeFunction is a Function in a stack of its own, or below a construct of that name. */
function isAtEdge(watched: LambdaFunction): boolean {
  return watched.node.scopes.some((it) => it.constructor.name === 'EdgeFunction') || trustsEdge(watched);
}

function trustsEdge(watched: LambdaFunction): boolean {
  const document = watched.role && 'assumeRolePolicy' in watched.role ? watched.role.assumeRolePolicy : undefined;
  if (!document) return false;
  return JSON.stringify(Stack.of(watched).resolve(document)).includes('edgelambda.amazonaws.com');
}
