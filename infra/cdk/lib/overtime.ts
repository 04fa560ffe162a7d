import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CfnOutput, Duration, type RemovalPolicy } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as Target } from 'aws-cdk-lib/aws-events-targets';
import { Grant, type IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Code,
  EventSourceMapping,
  FilterCriteria,
  FilterRule,
  FunctionUrl,
  FunctionUrlAuthType,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledged';
import { Alarms } from './alarms';
import { Callers } from './callers';
import { Door } from './door';
import { Mailbox } from './mailbox';
import {
  type ArchitectureName,
  DEFAULTS,
  DOORS,
  type DoorName,
  type DoorSize,
  INDEXES,
  KEYS,
  PREFIXES,
  SIZES,
  zips,
} from './names';
import { allowDoors, type ChannelsProps } from './permissions';
import { asksItself, type SignInProps, secretsOf, signInSettings } from './sign-in';
import { Tables } from './tables';

/** Where every timeout is posted, as the built-in channel `environment`. */
export interface WebhookProps {
  readonly url: string;
  /** The key that signs messages, `whsec_…`. Deliver reads it for each message, and no other door may. */
  readonly secret: ISecret;
}

/** An OpenTelemetry receiver that is told what functions did: OTLP over HTTP, protobuf. */
export interface OtlpProps {
  /** Its base URL; `/v1/metrics` and `/v1/traces` are below it. */
  readonly endpoint: string;
  /** What stands in the head of each request, `name=value,name=value`. Deliver reads it for each, and no other door may. Default: nothing. */
  readonly headers?: ISecret;
}

/** How long things are kept, where that is not to be the aggregator's default. */
export interface RetentionProps {
  /** Raw facts, after their quarter of an hour. Default: 72 hours. */
  readonly facts?: Duration;
  /** Counts by the minute. Default: 15 days. */
  readonly blocks?: Duration;
  /** Counts by the hour, and functions that are no longer heard of. Default: 400 days. */
  readonly hours?: Duration;
  /** The list of timeouts. Default: 90 days. */
  readonly timeouts?: Duration;
  /** The ends of logs that came with timeouts. Default: 14 days. */
  readonly logTails?: Duration;
  /** Messages that were delivered or given up. Default: 7 days. */
  readonly messages?: Duration;
}

/** What functions count, as CloudWatch metrics. */
export interface MetricsProps {
  /** A namespace that is not AWS's own. */
  readonly namespace: string;
  /** Sets of dimensions, each of which is metrics of its own, and paid for. Default: one set of all three. */
  readonly dimensions?: readonly (readonly ('account' | 'region' | 'function')[])[];
}

export interface OvertimeProps {
  /** The folder of the zips that `infra/build` made. */
  readonly artefacts: string;
  /** The organisation whose functions may report, `o-…`. At least one of this and `accounts` is needed. */
  readonly organizationId?: string;
  /** Accounts whose functions may report, in the organisation or not. */
  readonly accounts?: readonly string[];
  /** What the doors run on. Default: `arm64`, which costs a fifth less. */
  readonly architecture?: ArchitectureName;
  /** Memory, timeout and concurrency of doors, where they are not to be the defaults. */
  readonly sizes?: Partial<Record<DoorName, Partial<DoorSize>>>;
  /** Where every timeout is posted, beside what subscriptions say. */
  readonly webhook?: WebhookProps;
  /** What of AWS channels may reach: topics, buses, secrets. Default: nothing. */
  readonly channels?: ChannelsProps;
  /** Private networks that channels may post to, also over plain HTTP: `10.1.0.0/16`. Default: none. */
  readonly privateNetworks?: readonly string[];
  /** Where links in messages lead, and people come back to from their provider. Default: the console's URL. */
  readonly consoleUrl?: string;
  /**
   * How people get into functions' accounts, for links into the AWS console: an address with the places `{account}`, `{region}` and
   * `{destination}`, as IAM Identity Center has it. Default: links open in whichever account the browser holds.
   */
  readonly portalUrl?: string;
  /** Who may come into the console, and as what. Default: whoever IAM lets sign a request, as an admin. */
  readonly signIn?: SignInProps;
  /** Where functions' counts are written as CloudWatch metrics, which cost money for each function. Default: nowhere. */
  readonly metrics?: MetricsProps;
  /** Who is told what functions did, as metrics and a trace for each timeout. Default: nobody. */
  readonly otlp?: OtlpProps;
  /** How long things are kept. */
  readonly retention?: RetentionProps;
  /** How long the doors' logs are kept. Default: 30 days. */
  readonly logRetention?: RetentionDays;
  /** What the doors log: a level or a filter, see `OVERTIME_LOG`. Default: `info`. */
  readonly log?: string;
  /** Where alarms about Overtime itself are announced. */
  readonly alarmTopic?: ITopic;
  /** A key of your own for the tables. */
  readonly encryptionKey?: IKey;
  /** What becomes of the tables when the stack is deleted. Default: they stay. */
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * The aggregator: two tables, five doors, and what connects them. Deployed once per partition, in one account.
 *
 * ```ts
 * new Overtime(this, 'Overtime', { artefacts: '../target/artefacts', organizationId: 'o-a1b2c3d4e5' });
 * ```
 */
export class Overtime extends Construct {
  readonly tables: Tables;
  readonly doors: Readonly<Record<DoorName, Door>>;
  /** What `OVERTIME_URL` is to be in watched functions. */
  readonly url: string;
  /** The function that watched functions must be allowed to call. */
  readonly ingestArn: string;
  readonly consoleUrl: string;

  private readonly evaluateMail: Mailbox;
  private readonly deliverMail: Mailbox;
  private readonly sizes: Record<DoorName, DoorSize>;

  constructor(scope: Construct, id: string, props: OvertimeProps) {
    super(scope, id);
    this.sizes = sizes(props);
    this.tables = new Tables(this, 'Tables', {
      encryptionKey: props.encryptionKey,
      removalPolicy: props.removalPolicy,
    });
    this.evaluateMail = new Mailbox(this, 'EvaluateMail', { readerTimeoutSeconds: this.sizes.evaluate.timeoutSeconds });
    this.deliverMail = new Mailbox(this, 'DeliverMail', { readerTimeoutSeconds: this.sizes.deliver.timeoutSeconds });
    this.doors = this.openDoors(props);
    allowDoors({
      doors: this.doors,
      tables: this.tables,
      evaluateMail: this.evaluateMail,
      deliverMail: this.deliverMail,
      indexes: INDEXES.map((it) => it.name),
      channels: props.channels ?? {},
      settingSecrets: [props.webhook?.secret, props.otlp?.headers].filter((it) => it !== undefined),
      signInSecrets: secretsOf(props.signIn ?? {}),
      encryptionKey: props.encryptionKey,
    });

    const ingest = this.openUrl('ingest', FunctionUrlAuthType.AWS_IAM);
    const open = asksItself(props.signIn ?? {});
    const consoleUrl = this.openUrl('console', open ? FunctionUrlAuthType.NONE : FunctionUrlAuthType.AWS_IAM);
    new Callers(this, 'Callers', {
      function: this.doors.ingest.function,
      organizationId: props.organizationId,
      accounts: props.accounts,
    });
    this.url = ingest.url;
    this.ingestArn = this.doors.ingest.function.functionArn;
    this.consoleUrl = consoleUrl.url;
    // Evaluate and sweep write messages and deliver puts them together, and the page's address goes into them.
    for (const door of ['evaluate', 'deliver', 'sweep'] as const) {
      this.doors[door].function.addEnvironment('OVERTIME_CONSOLE_URL', props.consoleUrl ?? consoleUrl.url);
    }

    this.followFacts();
    this.readMail();
    this.scheduleSweep();
    new Alarms(this, 'Alarms', {
      doors: this.doors,
      mailboxes: { evaluate: this.evaluateMail, deliver: this.deliverMail },
      topic: props.alarmTopic,
    });
    new CfnOutput(this, 'Url', { value: this.url, description: 'OVERTIME_URL of watched functions' });
    new CfnOutput(this, 'IngestArn', { value: this.ingestArn, description: 'The function that they may call' });
    new CfnOutput(this, 'ConsoleUrl', { value: this.consoleUrl, description: 'The page' });
  }

  /** Lets somebody of this account read the page and the API, through the URL. */
  grantConsole(reader: IGrantable): void {
    grantUrl(reader, this.doors.console.function.functionArn);
  }

  private openDoors(props: OvertimeProps): Record<DoorName, Door> {
    const architecture = props.architecture ?? DEFAULTS.architecture;
    const zip = join(props.artefacts, zips.aggregator(architecture));
    if (!existsSync(zip)) throw new Error(`there is no ${zip}: run infra/build first`);
    const code = Code.fromAsset(zip);
    const environments = this.environments(props);
    const open = (door: DoorName) =>
      new Door(this, door.charAt(0).toUpperCase() + door.slice(1), {
        door,
        code,
        architecture,
        size: this.sizes[door],
        environment: environments[door],
        logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
      });
    return Object.fromEntries(DOORS.map((door) => [door, open(door)])) as Record<DoorName, Door>;
  }

  /** A door is told what it reads and nothing else. */
  private environments(props: OvertimeProps): Record<DoorName, Record<string, string>> {
    const common: Record<string, string> = {
      OVERTIME_FACTS_TABLE: this.tables.facts.tableName,
      OVERTIME_STATE_TABLE: this.tables.state.tableName,
      ...(props.log ? { OVERTIME_LOG: props.log } : {}),
      ...kept(props.retention ?? {}),
    };
    const queue = { OVERTIME_DELIVER_QUEUE_URL: this.deliverMail.queue.queueUrl };
    const evaluateQueue = { OVERTIME_EVALUATE_QUEUE_URL: this.evaluateMail.queue.queueUrl };
    // The others only have to know that there is a webhook.
    const told: Record<string, string> = props.webhook ? { OVERTIME_ENVIRONMENT_CHANNEL: 'on' } : {};
    const metrics: Record<string, string> = {
      ...(props.metrics ? { OVERTIME_EMF_NAMESPACE: props.metrics.namespace } : {}),
      ...(props.metrics?.dimensions
        ? { OVERTIME_EMF_DIMENSIONS: props.metrics.dimensions.map((it) => it.join(',')).join(';') }
        : {}),
    };
    const webhook: Record<string, string> = props.webhook
      ? {
          OVERTIME_WEBHOOK_URL: props.webhook.url,
          OVERTIME_WEBHOOK_SECRET: `secretsmanager:${props.webhook.secret.secretArn}`,
        }
      : {};
    const otlp: Record<string, string> = {
      ...(props.otlp ? { OVERTIME_OTLP_ENDPOINT: props.otlp.endpoint } : {}),
      ...(props.otlp?.headers ? { OVERTIME_OTLP_HEADERS: `secretsmanager:${props.otlp.headers.secretArn}` } : {}),
    };
    // Who finds something to tell only has to know that deliver tells it.
    const telling: Record<string, string> = props.otlp ? { OVERTIME_OTLP: 'on' } : {};
    const allowed: Record<string, string> = props.privateNetworks?.length
      ? { OVERTIME_WEBHOOK_ALLOW: props.privateNetworks.join(',') }
      : {};
    // Its own URL it knows from who asks; another it must be told, because people come back there.
    const address: Record<string, string> =
      asksItself(props.signIn ?? {}) && props.consoleUrl ? { OVERTIME_CONSOLE_URL: props.consoleUrl } : {};
    const portal: Record<string, string> = props.portalUrl ? { OVERTIME_PORTAL_URL: props.portalUrl } : {};
    return {
      ingest: common,
      evaluate: { ...common, ...queue, ...evaluateQueue, ...told, ...metrics, ...telling },
      deliver: { ...common, ...queue, ...webhook, ...otlp, ...allowed },
      sweep: { ...common, ...queue, ...told, ...metrics, ...telling },
      console: { ...common, ...queue, ...told, ...signInSettings(props.signIn ?? {}), ...address, ...portal },
    };
  }

  private openUrl(door: 'ingest' | 'console', authType: FunctionUrlAuthType): FunctionUrl {
    return new FunctionUrl(this.doors[door], 'Url', { function: this.doors[door].function, authType });
  }

  /** Verdicts are evaluated at once; tallies are gathered, so that ten thousand sandboxes are not ten thousand readings. */
  private followFacts() {
    const evaluate = this.doors.evaluate;
    const follow = (id: string, prefix: string, batches: { batchSize: number; maxBatchingWindow?: Duration }) =>
      new EventSourceMapping(evaluate, id, {
        ...batches,
        target: evaluate.function,
        eventSourceArn: this.tables.facts.tableStreamArn,
        startingPosition: StartingPosition.TRIM_HORIZON,
        reportBatchItemFailures: true,
        bisectBatchOnError: true,
        retryAttempts: 10,
        // Not CDK's own, which would allow more than to send.
        onFailure: { bind: () => ({ destination: this.evaluateMail.deadLetters.queueArn }) },
        // What expires leaves the table through the stream, too, and is nothing new.
        filters: [
          FilterCriteria.filter({
            eventName: FilterRule.or('INSERT', 'MODIFY'),
            dynamodb: { Keys: { [KEYS.sort]: { S: FilterRule.beginsWith(prefix) } } },
          }),
        ],
      });
    if (evaluate.function.role) acknowledge(evaluate.function.role, 'AwsSolutions::AwsSolutions-IAM5[Resource::*]');
    follow('Verdicts', PREFIXES.verdict, { batchSize: 100 });
    follow('Tallies', PREFIXES.tally, {
      batchSize: 1000,
      maxBatchingWindow: Duration.seconds(DEFAULTS.tallyWindowSeconds),
    });
  }

  private readMail() {
    for (const [name, mail] of [
      ['evaluate', this.evaluateMail],
      ['deliver', this.deliverMail],
    ] as const) {
      const door = this.doors[name];
      const { concurrency } = this.sizes[name];
      const mapping = new EventSourceMapping(door, 'Mail', {
        target: door.function,
        eventSourceArn: mail.queue.queueArn,
        batchSize: 10,
        reportBatchItemFailures: true,
        // Never more than there are: a reader that is throttled uses up attempts. Lambda asks for at least two.
        ...(concurrency === null ? {} : { maxConcurrency: Math.max(2, Math.floor(concurrency / 2)) }),
      });
      acknowledge(mapping, 'Serverless::Serverless-LambdaEventSourceMappingDestination');
    }
  }

  /** A sweep that failed or was missed is made up for by the next one. */
  private scheduleSweep() {
    const once = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };
    this.doors.sweep.function.configureAsyncInvoke(once);
    acknowledge(this.doors.sweep.function, 'Serverless::Serverless-LambdaAsyncFailureDestination');
    const rule = new Rule(this, 'EveryMinute', {
      description: 'Overtime: a minute has passed',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new Target(this.doors.sweep.function, once)],
    });
    acknowledge(rule, 'Serverless::Serverless-EventBusDLQ');
  }
}

/** Lets somebody call a function of Overtime through its URL, and not directly. */
export function grantUrl(grantee: IGrantable, functionArn: string): void {
  Grant.addToPrincipal({
    grantee,
    actions: ['lambda:InvokeFunctionUrl'],
    resourceArns: [functionArn],
    conditions: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
  });
  Grant.addToPrincipal({
    grantee,
    actions: ['lambda:InvokeFunction'],
    resourceArns: [functionArn],
    conditions: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
  });
}

function kept(retention: RetentionProps): Record<string, string> {
  const names = {
    facts: 'OVERTIME_RETAIN_FACTS',
    blocks: 'OVERTIME_RETAIN_BLOCKS',
    hours: 'OVERTIME_RETAIN_HOURS',
    timeouts: 'OVERTIME_RETAIN_TIMEOUTS',
    logTails: 'OVERTIME_RETAIN_LOG_TAILS',
    messages: 'OVERTIME_RETAIN_MESSAGES',
  } as const;
  const said = Object.entries(names).map(([what, name]) => [name, retention[what as keyof RetentionProps]] as const);
  return Object.fromEntries(said.flatMap(([name, time]) => (time ? [[name, `${time.toHours()}h`]] : [])));
}

function sizes(props: OvertimeProps): Record<DoorName, DoorSize> {
  const size = (door: DoorName) => [door, { ...SIZES[door], ...props.sizes?.[door] }];
  return Object.fromEntries(DOORS.map(size)) as Record<DoorName, DoorSize>;
}
