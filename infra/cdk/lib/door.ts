import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, type Code, Function as LambdaFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledged';
import type { ArchitectureName, DoorName, DoorSize } from './names';

export interface DoorProps {
  readonly door: DoorName;
  readonly code: Code;
  readonly architecture: ArchitectureName;
  readonly size: DoorSize;
  /** Settings beside `OVERTIME_DOOR`. */
  readonly environment: Record<string, string>;
  readonly logRetention: RetentionDays;
}

/** One door of the aggregator as a function, with a role that may write its own log and nothing else yet. */
export class Door extends Construct {
  readonly name: DoorName;
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: DoorProps) {
    super(scope, id);
    this.name = props.door;
    const logGroup = new LogGroup(this, 'Log', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    role.addToPolicy(
      new PolicyStatement({
        sid: 'WriteOwnLog',
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [logGroup.logGroupArn],
      }),
    );
    this.function = new LambdaFunction(this, 'Function', {
      description: `Overtime: ${props.door}`,
      runtime: Runtime.PROVIDED_AL2023,
      architecture: props.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      handler: 'bootstrap',
      code: props.code,
      role,
      logGroup,
      // The doors write lines of JSON themselves.
      loggingFormat: LoggingFormat.JSON,
      memorySize: props.size.memoryMb,
      timeout: Duration.seconds(props.size.timeoutSeconds),
      ...(props.size.concurrency === null ? {} : { reservedConcurrentExecutions: props.size.concurrency }),
      environment: { ...props.environment, OVERTIME_DOOR: props.door },
    });
    acknowledge(this.function, 'Serverless::Serverless-LambdaDLQ', 'Serverless::Serverless-LambdaTracing');
  }

  /** Lets the door do exactly this. */
  allow(sid: string, actions: string[], resources: string[], conditions?: Record<string, Record<string, string[]>>) {
    this.function.addToRolePolicy(
      new PolicyStatement({ sid, effect: Effect.ALLOW, actions, resources, ...(conditions ? { conditions } : {}) }),
    );
  }
}
