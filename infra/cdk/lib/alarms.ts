import { Duration } from 'aws-cdk-lib';
import { Alarm, type AlarmProps, ComparisonOperator, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Door } from './door';
import type { Mailbox } from './mailbox';
import type { DoorName } from './names';

export interface AlarmsProps {
  readonly doors: Readonly<Record<DoorName, Door>>;
  readonly mailboxes: Readonly<Record<string, Mailbox>>;
  /** Where they are announced; without it they only show in CloudWatch. */
  readonly topic?: ITopic;
}

const MINUTE = Duration.minutes(1);
const FIVE = Duration.minutes(5);

/** What Overtime says about itself, by way of CloudWatch, which does not depend on it. */
export class Alarms extends Construct {
  private readonly topic: ITopic | undefined;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = props.topic;
    for (const [name, mailbox] of Object.entries(props.mailboxes)) this.watchMailbox(name, mailbox);
    for (const door of Object.values(props.doors)) this.watchDoor(door);
    this.watchFreshness(props.doors);
    this.watchRefusals(props.doors.ingest);
  }

  private watchMailbox(name: string, mailbox: Mailbox) {
    this.add(`${name}DeadLetters`, {
      metric: mailbox.deadLetters.metricApproximateNumberOfMessagesVisible({ period: MINUTE, statistic: 'max' }),
      threshold: 1,
      evaluationPeriods: 1,
      alarmDescription: `What ${name} could not work on lies in its dead-letter queue. Facts are not lost: see the log for why.`,
    });
    this.add(`${name}Late`, {
      metric: mailbox.queue.metricApproximateAgeOfOldestMessage({ period: MINUTE, statistic: 'max' }),
      threshold: Duration.minutes(30).toSeconds(),
      evaluationPeriods: 5,
      alarmDescription: `Messages for ${name} have waited for half an hour, twice as long as any delay that is meant.`,
    });
  }

  private watchDoor(door: Door) {
    this.add(`${door.name}Errors`, {
      metric: door.function.metricErrors({ period: FIVE, statistic: 'sum' }),
      threshold: 1,
      evaluationPeriods: 3,
      alarmDescription: `${door.name} has failed in each of three periods of five minutes.`,
    });
    this.add(`${door.name}Throttles`, {
      metric: door.function.metricThrottles({ period: FIVE, statistic: 'sum' }),
      threshold: 1,
      evaluationPeriods: 3,
      alarmDescription: `${door.name} has wanted more than its reserved concurrency for a quarter of an hour.`,
    });
  }

  private watchFreshness(doors: Readonly<Record<DoorName, Door>>) {
    this.add('StreamAge', {
      metric: doors.evaluate.function.metric('IteratorAge', { period: MINUTE, statistic: 'max' }),
      threshold: FIVE.toMilliseconds(),
      evaluationPeriods: 5,
      alarmDescription:
        'Facts wait for more than five minutes to be evaluated: what the page shows and alerts say is old.',
    });
    this.add('SweepMissing', {
      metric: doors.sweep.function.metricInvocations({ period: FIVE, statistic: 'sum' }),
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 2,
      treatMissingData: TreatMissingData.BREACHING,
      alarmDescription: 'Sweep has not run for ten minutes: nothing recovers, expires, or is delivered late.',
    });
  }

  private watchRefusals(ingest: Door) {
    this.add('Refused', {
      metric: ingest.function.metric('Url4xxCount', { period: FIVE, statistic: 'sum' }),
      threshold: 1,
      evaluationPeriods: 3,
      alarmDescription:
        'Ingest refuses batches: somebody lacks the permission, or claims another account than its own.',
    });
    this.add('Unavailable', {
      metric: ingest.function.metric('Url5xxCount', { period: FIVE, statistic: 'sum' }),
      threshold: 1,
      evaluationPeriods: 3,
      alarmDescription:
        'Ingest has answered with errors for a quarter of an hour. Extensions keep timeouts and send them again.',
    });
    // Ingest says it itself, in its log: to Lambda, a batch whose facts are refused one by one is an accepted one.
    const { functionName } = ingest.function;
    const metric = { namespace: 'Overtime', metricName: 'LateFacts', dimensionsMap: { FunctionName: functionName } };
    this.add('LateFacts', {
      metric: new Metric({ ...metric, period: FIVE, statistic: 'sum' }),
      threshold: 1,
      evaluationPeriods: 3,
      alarmDescription:
        'For a quarter of an hour facts come too late, or from clocks that are wrong: they are refused, counted and not shown.',
    });
  }

  private add(id: string, props: AlarmProps) {
    const alarm = new Alarm(this, id, {
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...props,
    });
    if (this.topic) alarm.addAlarmAction(new SnsAction(this.topic));
  }
}
