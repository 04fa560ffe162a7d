//! What the platform answers: a status, an identifier perhaps, and a body.
//!
//! The open source supervisor frames short answers by length and longer ones in chunks, and says `Connection: close` when it
//! means it.

use std::io;

use hyper::StatusCode;

use crate::message::{self, Body, Came, HEADERS_MAX, Messages};

/// Longest body that is read; events are below 2 KiB.
const BODY_MAX: usize = 64 * 1024;

/// An answer, read to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// `Lambda-Extension-Identifier`.
    pub(super) identifier: Option<String>,
    pub(super) body: Vec<u8>,
    /// Nothing more can be asked on this connection.
    pub(super) is_last: bool,
}

/// Reads one answer. An error of kind `UnexpectedEof` means that there was none, not even a part of it.
pub(super) async fn read(messages: &mut Messages) -> io::Result<Reply> {
    let head = loop {
        match messages.head(parse).await? {
            // 100 Continue, and what else may come ahead of the answer.
            Came::Head(Some(head)) if head.reply.status.is_informational() => {}
            Came::Head(Some(head)) => break head,
            Came::Head(None) | Came::Torn => return Err(io::ErrorKind::InvalidData.into()),
            Came::Nothing => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    };
    let body = messages.body(head.body, BODY_MAX).await.map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Reply { body: body.ok_or(io::ErrorKind::InvalidData)?, ..head.reply })
}

struct Head {
    /// Without its body.
    reply: Reply,
    body: Body,
}

/// Reads a head, with its length; `None` inside where it is none.
fn parse(bytes: &[u8]) -> Option<(Option<Head>, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return None,
        Err(_) => return Some((None, 0)),
    };
    let (headers, version) = (&*response.headers, response.version);
    let status = response.code.and_then(|it| StatusCode::from_u16(it).ok());
    let says = |name, word| message::says(headers, name, word);
    let body = match message::value(headers, "content-length").map(str::parse) {
        _ if matches!(status, Some(StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)) => {
            Some(Body::None)
        }
        _ if status.is_some_and(|it| it.is_informational()) => Some(Body::None),
        _ if says("transfer-encoding", "chunked") => Some(Body::Chunked),
        Some(length) => length.ok().map(Body::Length),
        None => Some(Body::UntilEnd),
    };
    let head = status.zip(body).map(|(status, body)| {
        let identifier = message::value(headers, "lambda-extension-identifier").map(str::to_owned);
        let is_last = says("connection", "close") || version == Some(0) || body == Body::UntilEnd;
        Head { reply: Reply { status, identifier, body: Vec::new(), is_last }, body }
    });
    Some((head, length))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncWriteExt,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    /// Says all of `text` in pieces, and reads answers until the first error.
    async fn answers(text: &str) -> Vec<String> {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(server.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = server.accept().await.unwrap();
        let text = text.to_owned();
        let speaker = tokio::spawn(async move {
            for piece in text.as_bytes().chunks(7) {
                peer.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let (mut messages, mut read) = (Messages::of(client), Vec::new());
        loop {
            read.push(match super::read(&mut messages).await {
                Ok(it) => {
                    let last = if it.is_last { " last" } else { "" };
                    let body = String::from_utf8_lossy(&it.body).into_owned();
                    format!("{} {:?} {body}{last}", it.status.as_u16(), it.identifier)
                }
                Err(error) => break read.push(format!("{:?}", error.kind())),
            });
        }
        speaker.await.unwrap();
        read
    }

    #[tokio::test]
    async fn answers_are_framed_by_length_in_chunks_or_by_the_end() {
        let said = "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: an id\r\ncontent-length: 4\r\n\r\nabcd\
                    HTTP/1.1 100 Continue\r\n\r\n\
                    HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2;x\r\ncd\r\n0\r\n\r\n\
                    HTTP/1.1 204 No Content\r\n\r\n\
                    HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nwhy";
        assert_eq!(
            answers(said).await,
            [
                "200 Some(\"an id\") abcd",
                "202 None abcd",
                "204 None ",
                "403 None why last",
                "UnexpectedEof"
            ]
        );
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error_of_its_own() {
        let long = "x".repeat(BODY_MAX + 1);
        for said in [
            "nonsense\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-le",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut",
            "HTTP/1.1 200 OK\r\ncontent-length: minus\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            &format!("HTTP/1.1 200 OK\r\n\r\n{long}"),
        ] {
            assert_eq!(answers(said).await, ["InvalidData"], "{said}");
        }
        assert_eq!(answers("").await, ["UnexpectedEof"]);
    }
}
