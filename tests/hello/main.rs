//! The floor that doors are measured against: a Lambda function that does nothing, on the same runtime client.

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let echo = async |event: LambdaEvent<Value>| Ok::<_, Error>(event.payload);
    Runtime::new(service_fn(echo)).run().await
}
