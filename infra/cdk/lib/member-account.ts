import { CfnOutput } from 'aws-cdk-lib';
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
 * A stack with this alone has no assets and no parameters, so its template can be rolled out to every account with a
 * StackSet. Attach the policy to the roles that exist already, with `iam:AttachRolePolicy` or in their own templates.
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
