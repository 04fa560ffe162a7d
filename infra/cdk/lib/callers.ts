import { CfnPermission, type IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

export interface CallersProps {
  readonly function: IFunction;
  /** Everybody of this organisation may call, `o-…`. */
  readonly organizationId?: string;
  /** These accounts may call, whether or not they belong to an organisation. */
  readonly accounts?: readonly string[];
}

/**
 * Who may call a function through its URL, and only through it.
 *
 * Two permissions are needed for that: one to use the URL, and one to invoke the function. The second is conditioned on the
 * URL, because whoever could invoke the function directly could write any account into the request context that ingest
 * believes in. The caller's own policy must allow both, too: see `MemberAccount` and `WatchFunctions`.
 */
export class Callers extends Construct {
  constructor(scope: Construct, id: string, props: CallersProps) {
    super(scope, id);
    const accounts = props.accounts ?? [];
    if (!props.organizationId && accounts.length === 0) {
      throw new Error('nobody could call ingest: give organizationId, or accounts, or both');
    }
    for (const account of accounts) {
      if (!/^\d{12}$/.test(account)) throw new Error(`${account} is no account: it has 12 digits`);
      this.permit(account, props.function, { principal: account });
    }
    if (props.organizationId) {
      if (!/^o-[a-z0-9]{10,32}$/.test(props.organizationId)) {
        throw new Error(`${props.organizationId} is no organisation: it looks like o-a1b2c3d4e5`);
      }
      this.permit('Organization', props.function, { principal: '*', principalOrgId: props.organizationId });
    }
  }

  private permit(id: string, called: IFunction, who: { principal: string; principalOrgId?: string }) {
    new CfnPermission(this, `${id}Url`, {
      ...who,
      action: 'lambda:InvokeFunctionUrl',
      functionName: called.functionArn,
      functionUrlAuthType: 'AWS_IAM',
    });
    new CfnPermission(this, `${id}Function`, {
      ...who,
      action: 'lambda:InvokeFunction',
      functionName: called.functionArn,
      invokedViaFunctionUrl: true,
    });
  }
}
