//! Before anything has reported: how to have a function watched, in the ways that people have of setting functions up.

use askama::Template;

use crate::console::frame::Frame;

/// Nothing has ever reported.
#[derive(Debug, Template)]
#[template(path = "welcome.html")]
pub(super) struct Welcome<'a> {
    frame: Frame<'a>,
    snippets: [Snippet; 4],
}

/// Something to copy.
#[derive(Debug)]
struct Snippet {
    name: &'static str,
    text: &'static str,
}

const CLI: &str = "\
LAYER=$(aws lambda list-layer-versions --layer-name overtime-x86_64 \\
  --query 'LayerVersions[0].LayerVersionArn' --output text)
aws lambda update-function-configuration --function-name YOUR-FUNCTION \\
  --layers \"$LAYER\" \\
  --environment 'Variables={OVERTIME_URL=https://YOUR-AGGREGATOR}'
aws iam attach-role-policy --role-name YOUR-ROLE \
  --policy-arn arn:aws:iam::YOUR-ACCOUNT:policy/OvertimeReport
# Layers and variables replace what the function has: repeat its others.";

const BY_HAND: &str = "\
Lambda console → your function → Layers → Add a layer → Custom layers → overtime-x86_64 or overtime-arm64
Configuration → Environment variables → OVERTIME_URL = https://YOUR-AGGREGATOR
Configuration → Permissions → its role → attach the policy OvertimeReport";

const CDK: &str = "\
import { WatchFunctions } from 'overtime-cdk';

WatchFunctions.addTo(app, {
  url: overtime.url,
  ingestArn: overtime.ingestArn,
  layers: { arm64: layer.arn('arm64'), x86_64: layer.arn('x86_64') },
});";

const TERRAFORM: &str = "\
module \"watched\" {
  source     = \"…/infra/terraform/watched-function\"
  url        = module.overtime.url
  layers     = module.layer.arns
  role_name  = aws_iam_role.orders.name
  policy_arn = module.report.policy_arn
}

resource \"aws_lambda_function\" \"orders\" {
  # …
  layers = [module.watched.layer]
  environment { variables = module.watched.environment }
}";

impl<'a> Welcome<'a> {
    pub(super) fn new(frame: Frame<'a>) -> Self {
        let snippet = |name, text| Snippet { name, text };
        let snippets = [
            snippet("With the AWS CLI", CLI),
            snippet("In the Lambda console", BY_HAND),
            snippet("With the CDK", CDK),
            snippet("With Terraform", TERRAFORM),
        ];
        Self { frame, snippets }
    }
}
