//! What the door does with peers of every kind, over real sockets.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};

use super::*;

/// Sends `parts` one after the other on one connection, and returns how many 200s and how many records came of it.
async fn said(parts: &[&[u8]]) -> (usize, usize, u32) {
    let listener = Listener::bind().await.unwrap();
    let address = listener.socket.local_addr().unwrap();
    let (inbox, mut outbox) = mpsc::unbounded_channel();
    let server = tokio::spawn(listener.serve(Hearing::default(), move |it| {
        if let Heard::Decoded(decoded) = it {
            drop(inbox.send(decoded));
        }
    }));
    let mut peer = TcpStream::connect(address).await.unwrap();
    for part in parts {
        peer.write_all(part).await.unwrap();
        yield_now().await;
    }
    peer.shutdown().await.unwrap();
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await.unwrap();
    server.abort();
    let (mut records, mut unreadable) = (0, 0);
    while let Ok(decoded) = outbox.try_recv() {
        records += decoded.records.len();
        unreadable += decoded.unreadable;
    }
    (answer.matches("HTTP/1.1 200 OK").count(), records, unreadable)
}

const BODY: &[u8] =
    br#"[{"type":"platform.runtimeDone","record":{"requestId":"r","status":"timeout"}}]"#;

fn post(body: &[u8]) -> Vec<u8> {
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn posts_on_one_connection_are_all_answered() {
    let two = [post(BODY), post(BODY)].concat();
    assert_eq!(said(&[&two]).await, (2, 2, 0));
    assert_eq!(said(&[&two[..30], &two[30..90], &two[90..]]).await, (2, 2, 0));
}

#[tokio::test]
async fn chunks_and_expectations_are_understood() {
    let (first, second) = BODY.split_at(20);
    let chunked = [
        b"PUT /any/path HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n14\r\n",
        first,
        format!("\r\n{:x};ext=1\r\n", second.len()).as_bytes(),
        second,
        b"\r\n0\r\ntrailer: x\r\n\r\n",
    ]
    .concat();
    assert_eq!(said(&[&chunked, &post(BODY)]).await, (2, 2, 0));
}

#[tokio::test]
async fn garbage_and_oddities_are_answered_200() {
    assert_eq!(said(&[b"\x16\x03\x01 no http \r\n\r\n"]).await, (1, 0, 1));
    assert_eq!(said(&[b"GET / HTTP/1.1\r\n\r\n"]).await, (1, 0, 0));
    assert_eq!(said(&[b"POST / HTTP/1.1\r\ncontent-length: minus\r\n\r\nxx"]).await, (1, 0, 1));
    assert_eq!(said(&[b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\ncut"]).await, (1, 0, 1));
    assert_eq!(said(&[&post(b"not json")]).await, (1, 0, 1));
    assert_eq!(said(&[&b"x".repeat(40_000)]).await, (1, 0, 1));
}

#[tokio::test]
async fn a_huge_body_is_drained_and_counted_and_the_next_one_read() {
    let huge = post(&vec![b' '; BODY_MAX + 1]);
    assert_eq!(said(&[&huge, &post(BODY)]).await, (2, 1, 1));
    let largest = [b" ".repeat(BODY_MAX - BODY.len()).as_slice(), BODY].concat();
    assert_eq!(said(&[&post(&largest)]).await, (1, 1, 0));
}

#[tokio::test]
async fn a_panic_in_decoding_costs_one_body() {
    let fault = br#"[{"type":"overtime.fault","record":{"place":"decoding"}}]"#;
    assert_eq!(said(&[&post(fault), &post(BODY)]).await, (2, 1, 1));
}
