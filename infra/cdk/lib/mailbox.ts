import { Duration } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledged';
import { DEFAULTS } from './names';

export interface MailboxProps {
  /** The timeout of the function that reads it, in seconds. */
  readonly readerTimeoutSeconds: number;
}

/** A queue between two doors, and the queue of what could not be worked on after several attempts. */
export class Mailbox extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, props: MailboxProps) {
    super(scope, id);
    const common = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
    this.deadLetters = new Queue(this, 'DeadLetters', {
      ...common,
      retentionPeriod: Duration.days(DEFAULTS.deadLetterDays),
    });
    acknowledge(this.deadLetters, 'Serverless::Serverless-SQSRedrivePolicy');
    this.queue = new Queue(this, 'Queue', {
      ...common,
      // Six times the reader's timeout, as Lambda's documentation asks: throttled attempts must not make a message visible.
      visibilityTimeout: Duration.seconds(6 * props.readerTimeoutSeconds),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: DEFAULTS.attempts },
    });
  }
}
