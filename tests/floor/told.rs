//! The floor, told of telemetry: it subscribes, throws away what is posted to it, and polls.
//!
//! The platform has more to do for an extension that is told of telemetry, at the end of every invocation, whatever that
//! extension then does. This one shows how much that is: standard library only, blocking, a thread for each of the two
//! connections.

mod api;

use std::{
    io::{self, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || listener.incoming().flatten().try_for_each(throw_away));
    let mut registered = api::register()?;
    let wanted = format!(
        r#"{{"schemaVersion":"2022-12-13","types":["platform"],"buffering":{{"timeoutMs":25,"maxBytes":262144,"maxItems":1000}},"destination":{{"protocol":"HTTP","URI":"http://127.0.0.1:{port}"}}}}"#
    );
    registered.ask("PUT /2022-07-01/telemetry", &wanted)?;
    registered.poll()
}

/// Answers whatever comes on a connection, until it is closed.
fn throw_away(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = BufReader::new(stream);
    while let Ok((_, length)) = api::head(&mut connection) {
        io::copy(&mut connection.by_ref().take(length as u64), &mut io::sink())?;
        connection.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
    Ok(())
}
