//! Wherever Lambda runs us: platforms that know other schemas, or no telemetry, and partitions of their own.

use std::time::Duration;

use overtime_wire::Evidence;

use crate::world::World;

const ALLOWANCE: Duration = Duration::from_secs(3);

/// The schemas that were asked for, and whether what was posted then was heard.
async fn asked(answers: &'static [u16], initialization: &str) -> (String, bool) {
    let setting = ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization);
    let mut world = World::subscribed(answers, &[setting]).await;
    let is_managed = initialization == "lambda-managed-instances";
    if !is_managed {
        world.invoke("a", ALLOWANCE).await;
    }
    if answers.last() == Some(&200) {
        let record = if is_managed { "report" } else { "runtimeDone" };
        world
            .telemetry(&format!(
                r#"[{{"type":"platform.{record}","record":{{"requestId":"a","status":"timeout","metrics":{{"durationMs":3001}}}}}}]"#
            ))
            .await;
    }
    world.shutdown(if is_managed { "spindown" } else { "timeout" }).await;
    let batches = world.aggregator.batches();
    let verdicts = batches.iter().flat_map(|it| &it.incarnations).flat_map(|it| &it.verdicts);
    let best = verdicts.map(|it| it.fact.evidence).max();
    (world.platform.schemas(), best >= Some(Evidence::RuntimeDone))
}

#[tokio::test]
async fn the_newest_schema_that_is_taken_is_asked_for_and_without_any_events_must_do() {
    let check = async |answers, initialization, schemas: &str, is_heard| {
        let expected = (schemas.to_owned(), is_heard);
        assert_eq!(asked(answers, initialization).await, expected, "{answers:?} {initialization}");
    };
    check(&[200], "on-demand", "2022-12-13", true).await;
    check(&[400, 200], "on-demand", "2022-12-13 2022-07-01", true).await;
    check(&[400], "on-demand", "2022-12-13 2022-07-01", false).await;
    // Not the schema is refused, but the whole of it.
    for refusal in [&[202_u16], &[403], &[500]] {
        check(refusal, "on-demand", "2022-12-13", false).await;
    }
    let managed = "lambda-managed-instances";
    check(&[200], managed, "2025-01-29", true).await;
    check(&[400, 200], managed, "2025-01-29 2022-12-13", true).await;
}

#[tokio::test]
async fn the_partition_is_the_arns_and_without_one_the_regions() {
    let arn = |partition, region| {
        format!("\"arn:{partition}:lambda:{region}:123456789012:function:orders:live\"")
    };
    for (region, arn, partition) in [
        ("eu-west-1", arn("aws", "eu-west-1"), "aws"),
        ("cn-north-1", arn("aws-cn", "cn-north-1"), "aws-cn"),
        ("cn-north-1", "null".to_owned(), "aws-cn"),
        ("us-gov-west-1", arn("aws-us-gov", "us-gov-west-1"), "aws-us-gov"),
        ("us-gov-east-1", "null".to_owned(), "aws-us-gov"),
        // One that nobody has heard of yet.
        ("eusc-de-east-1", arn("aws-eusc", "eusc-de-east-1"), "aws-eusc"),
    ] {
        let mut world = World::start(&[("AWS_REGION", region)]).await;
        world.invoke_as("a", ALLOWANCE, &arn).await;
        // In letters of any case.
        world.shutdown("TimeOut").await;
        let batches = world.aggregator.batches();
        assert_eq!(batches[0].partition.as_str(), partition, "{arn}");
        assert_eq!(batches[0].function.region.to_string(), region, "{arn}");
        let verdict = &batches[0].incarnations[0].verdicts[0].fact;
        assert_eq!(verdict.evidence, Evidence::Shutdown, "{arn}");
        assert_eq!(verdict.alias, if arn == "null" { "" } else { "live" });
    }
}
