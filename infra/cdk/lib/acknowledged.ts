import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * What cdk-nag's rules object to, and why it is meant. The reasons stand here together, so that they can be read together.
 */
const REASONS = {
  'AwsSolutions::AwsSolutions-IAM5[Resource::*]':
    'dynamodb:ListStreams, which Lambda needs to follow a stream, cannot be limited to a resource; every other statement is.',
  'Serverless::Serverless-LambdaDLQ':
    'Nothing invokes a door asynchronously but the schedule of sweep, and the next minute makes up for a sweep that was missed.',
  'Serverless::Serverless-LambdaAsyncFailureDestination':
    'A sweep that failed is made up for by the next one; there would be nothing to learn from its event, and an alarm says it.',
  'Serverless::Serverless-EventBusDLQ':
    'The event only says that a minute has passed; a minute later the next one says so, too.',
  'Serverless::Serverless-LambdaEventSourceMappingDestination':
    'The mapping reads a queue, whose own dead-letter queue takes what could not be worked on.',
  'Serverless::Serverless-LambdaTracing':
    'Traces would cost more than all doors together, and the doors log the request id of each invocation.',
  'Serverless::Serverless-SQSRedrivePolicy': 'It is a dead-letter queue itself.',
} as const;

/** Says to cdk-nag, if it is used, that a finding is meant. */
export function acknowledge(construct: IConstruct, ...ids: (keyof typeof REASONS)[]): void {
  for (const id of ids) Validations.of(construct).acknowledge({ id, reason: REASONS[id] });
}
