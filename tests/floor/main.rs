//! The floor: an extension that does nothing but register and poll.
//!
//! It is what having an extension costs at least, and so the measure of every target in the
//! README. Standard library only, blocking, one thread, one connection, one file; a plain `rustc`
//! compiles it. It must stay as small as this.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;

fn main() -> io::Result<()> {
    let api = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let file = env::args().next().unwrap_or_default();
    let name = Path::new(&file).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut connection = BufReader::new(TcpStream::connect(api)?);
    connection.get_ref().set_nodelay(true)?;
    let register = format!(
        "POST /2020-01-01/extension/register HTTP/1.1\r\nhost: api\r\n\
         lambda-extension-name: {name}\r\ncontent-length: 32\r\n\r\n{{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}}"
    );
    let (id, _) = exchange(&mut connection, &register)?;
    let next = format!(
        "GET /2020-01-01/extension/event/next HTTP/1.1\r\nhost: api\r\n\
         lambda-extension-identifier: {id}\r\n\r\n"
    );
    loop {
        let (_, event) = exchange(&mut connection, &next)?;
        if event.contains("SHUTDOWN") {
            return Ok(());
        }
    }
}

/// Sends a request; returns the extension's identifier, if the answer names it, and the body.
fn exchange(connection: &mut BufReader<TcpStream>, request: &str) -> io::Result<(String, String)> {
    connection.get_mut().write_all(request.as_bytes())?;
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim_end().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("lambda-extension-identifier") {
            value.trim().clone_into(&mut id);
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok((id, String::from_utf8_lossy(&body).into_owned()))
}
