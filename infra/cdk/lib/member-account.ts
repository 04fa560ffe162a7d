import { CfnOutput, DefaultStackSynthesizer, Stack, type StackProps } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';

export interface MemberAccountProps {
  /** The ARN of the aggregator's ingest function. */
  readonly ingestArn: string;
  /** What the policy is called in each account. Default: `OvertimeReport`. */
  readonly policyName?: string;
}

/**
 * A managed policy with which the role of a function may report: the two actions on the one function, through its URL.
 *
 * Attach it to the roles that exist already, with `iam:AttachRolePolicy` or in their own templates.
 */
export class MemberAccount extends Construct {
  readonly policy: ManagedPolicy;

  constructor(scope: Construct, id: string, props: MemberAccountProps) {
    super(scope, id);
    this.policy = new ManagedPolicy(this, 'Policy', {
      managedPolicyName: props.policyName ?? 'OvertimeReport',
      description: 'Lets a function report its timeouts to Overtime',
      statements: [
        new PolicyStatement({
          sid: 'UseUrl',
          actions: ['lambda:InvokeFunctionUrl'],
          resources: [props.ingestArn],
          conditions: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
        }),
        new PolicyStatement({
          sid: 'InvokeThroughUrlOnly',
          actions: ['lambda:InvokeFunction'],
          resources: [props.ingestArn],
          conditions: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
        }),
      ],
    });
    new CfnOutput(this, 'PolicyArn', { value: this.policy.managedPolicyArn });
  }
}

export interface MemberAccountStackProps extends MemberAccountProps, Omit<StackProps, 'synthesizer'> {}

/**
 * A stack with that policy alone. It has no assets and no parameters, not even for CDK's bootstrap, so that its template can be
 * rolled out with a StackSet to accounts that CDK has never seen.
 */
export class MemberAccountStack extends Stack {
  readonly member: MemberAccount;

  constructor(scope: Construct, id: string, props: MemberAccountStackProps) {
    super(scope, id, { ...props, synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) });
    this.member = new MemberAccount(this, 'Member', props);
  }
}
