//! HTTP/1.1 as small as it can be read: what the emulated functions and the probe speak; and
//! [`client`], a real one for those who read the aggregator's API.
//!
//! Blocking, one connection, bodies with a `content-length`. Functions must not share an HTTP
//! stack with the extension that is under test, or a fault in it would be invisible; and a long
//! poll needs no more than this. There is deliberately no timeout: `next` may last for hours.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;

/// A client for servers on this machine: it asks no proxy, whatever the environment says.
pub fn client() -> reqwest::Result<reqwest::Client> {
    // Even plain HTTP wants to know what TLS would be done with. The only error is that it has
    // been said before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build()
}

/// A request to be made.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

impl<'a> Call<'a> {
    pub fn get(path: &'a str) -> Self {
        Self { method: "GET", path, headers: &[], body: b"" }
    }

    pub fn post(path: &'a str, body: &'a [u8]) -> Self {
        Self { method: "POST", path, headers: &[], body }
    }
}

/// A request or a response as it came in: the first line, the headers in lower case, the body.
#[derive(Debug, Clone, Default)]
pub struct Message {
    pub first_line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn status(&self) -> u16 {
        let status = self.first_line.split(' ').nth(1);
        status.and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// One connection to one server, opened when it is needed.
#[derive(Debug)]
pub struct Client {
    address: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    pub fn to(address: &str) -> Self {
        Self { address: address.to_owned(), connection: None }
    }

    /// Makes a request and waits for its answer. A connection that failed is not used again.
    pub fn call(&mut self, call: Call<'_>) -> io::Result<Message> {
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => BufReader::new(TcpStream::connect(&self.address)?),
        };
        connection.get_ref().set_nodelay(true)?;
        write_request(connection.get_mut(), &self.address, call)?;
        let answer = read(&mut connection)?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

fn write_request(to: &mut impl Write, host: &str, call: Call<'_>) -> io::Result<()> {
    let Call { method, path, headers, body } = call;
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n").into_bytes();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n")?;
    }
    write!(bytes, "content-length: {}\r\n\r\n", body.len())?;
    bytes.extend_from_slice(body);
    to.write_all(&bytes)
}

/// Reads one message, request or response.
pub fn read(from: &mut impl BufRead) -> io::Result<Message> {
    let mut message = Message { first_line: line(from)?, ..Message::default() };
    loop {
        let line = line(from)?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            message.headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
    }
    let length = message.header("content-length").parse().unwrap_or(0);
    message.body = vec![0; length];
    from.read_exact(&mut message.body)?;
    Ok(message)
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_to_its_end_and_no_further() {
        let mut bytes: &[u8] =
            b"HTTP/1.1 202 Accepted\r\nX-Id: a\r\nContent-Length: 2\r\n\r\nokHTTP";
        let message = read(&mut bytes).unwrap();
        assert_eq!(message.status(), 202);
        assert_eq!(message.header("x-id"), "a");
        assert_eq!(message.body, b"ok");
        assert_eq!(bytes, b"HTTP");
    }

    #[test]
    fn a_connection_that_ends_is_an_error() {
        assert_eq!(read(&mut &b""[..]).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
