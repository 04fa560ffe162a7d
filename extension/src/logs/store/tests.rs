//! The bucket's side over real sockets: where an object arrives, and that a bucket is followed.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::logs::Settings;

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers each request by its head, and remembers the heads.
async fn serve(answer: fn(&str) -> &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let memory = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = socket.accept().await {
            let memory = Arc::clone(&memory);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                // Each request of these tests arrives in one piece.
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    let head = String::from_utf8_lossy(&buffer[..read]).into_owned();
                    let said = format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", answer(&head));
                    memory.lock().unwrap().push(head);
                    let _ = stream.write_all(said.as_bytes()).await;
                }
            });
        }
    });
    (address, heads)
}

fn store(address: SocketAddr) -> Store {
    let settings = Settings::read(|name| {
        let value = match name {
            "OVERTIME_LOGS" => "function",
            "OVERTIME_LOGS_S3" => "s3://logs/of/us",
            "OVERTIME_LOGS_S3_ENDPOINT" => return Some(format!("http://{address}")),
            "AWS_REGION" => "eu-west-1",
            "AWS_ACCESS_KEY_ID" => "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY" => "hunter2",
            _ => return None,
        };
        Some(value.to_owned())
    });
    Store::new(settings.unwrap().unwrap(), Tls::default()).unwrap()
}

async fn put(store: &mut Store) -> Answer {
    store.put("a=b/c.json.gz", Bytes::from_static(b"object"), Instant::now() + PATIENCE).await
}

#[tokio::test]
async fn an_object_is_put_under_its_key_and_signed() {
    let (address, heads) = serve(|_| "200 OK").await;
    let mut store = store(address);
    assert!(matches!(put(&mut store).await, Answer::Stored));
    let head = heads.lock().unwrap().concat();
    assert!(head.starts_with("PUT /logs/a%3Db/c.json.gz HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("/eu-west-1/s3/aws4_request"), "{head}");
    assert!(head.contains("x-amz-content-sha256: 2958d416d08aa5a472d7b509036cb7ea"), "{head}");
    assert_eq!(store.prefix(), "of/us");
}

#[tokio::test]
async fn a_bucket_is_followed_to_its_region_and_found_there_again() {
    let (address, heads) = serve(|head| {
        if head.contains("/us-east-2/s3/") {
            "200 OK"
        } else {
            "301 Moved\r\nx-amz-bucket-region: us-east-2"
        }
    })
    .await;
    let mut store = store(address);
    for _ in 0..2 {
        assert!(matches!(put(&mut store).await, Answer::Stored));
    }
    assert_eq!(heads.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn nobody_is_sent_in_circles() {
    let (address, heads) = serve(|head| {
        if head.contains("/us-east-2/s3/") {
            "301 Moved\r\nx-amz-bucket-region: eu-west-1"
        } else {
            "301 Moved\r\nx-amz-bucket-region: us-east-2"
        }
    })
    .await;
    let answer = put(&mut store(address)).await;
    assert!(answer.line().is_some_and(|it| it.contains("OVERTIME_LOGS_S3_REGION")), "{answer:?}");
    assert_eq!(heads.lock().unwrap().len(), 3);
}
