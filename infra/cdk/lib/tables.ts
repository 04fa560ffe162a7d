import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
  type TableProps,
} from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';
import { INDEXES, KEYS } from './names';

export interface TablesProps {
  /** A key of your own. Default: DynamoDB's own encryption, which costs nothing. */
  readonly encryptionKey?: IKey;
  /** What becomes of the tables when the stack is deleted. Default: they stay. */
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * The two tables: **facts**, what extensions sent, whose stream wakes evaluate; **state**, what is made of them.
 *
 * Both can be restored to any second of the last 35 days, and neither can be deleted by mistake.
 */
export class Tables extends Construct {
  readonly facts: Table;
  readonly state: Table;

  constructor(scope: Construct, id: string, props: TablesProps = {}) {
    super(scope, id);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    const common: TableProps = {
      partitionKey: { name: KEYS.partition, type: AttributeType.STRING },
      sortKey: { name: KEYS.sort, type: AttributeType.STRING },
      timeToLiveAttribute: KEYS.expires,
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: removalPolicy === RemovalPolicy.RETAIN,
      removalPolicy,
      ...(props.encryptionKey
        ? { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey: props.encryptionKey }
        : { encryption: TableEncryption.DEFAULT }),
    };
    // Evaluate reads the facts themselves with strong consistency, so their keys are all that the stream has to carry.
    this.facts = new Table(this, 'Facts', { ...common, stream: StreamViewType.KEYS_ONLY });
    this.state = new Table(this, 'State', common);
    for (const index of INDEXES) {
      this.state.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: { name: index.partition, type: AttributeType.STRING },
        sortKey: { name: index.sort, type: index.sortType === 'N' ? AttributeType.NUMBER : AttributeType.STRING },
        projectionType: index.projection === 'ALL' ? ProjectionType.ALL : ProjectionType.KEYS_ONLY,
      });
    }
  }
}
