//! The Extensions API, as little of it as there is: one request, one answer, on one connection.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
};

/// A connection on which this extension is registered.
pub(crate) struct Registered {
    connection: BufReader<TcpStream>,
    id: String,
}

pub(crate) fn register() -> io::Result<Registered> {
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
    Ok(Registered { connection, id })
}

impl Registered {
    /// Sends a request of this line and body, and returns the answer's body.
    pub(crate) fn ask(&mut self, line: &str, body: &str) -> io::Result<String> {
        let (id, length) = (&self.id, body.len());
        let request = format!(
            "{line} HTTP/1.1\r\nhost: api\r\nlambda-extension-identifier: {id}\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        Ok(exchange(&mut self.connection, &request)?.1)
    }

    /// Polls until SHUTDOWN.
    pub(crate) fn poll(&mut self) -> io::Result<()> {
        while !self.ask("GET /2020-01-01/extension/event/next", "")?.contains("SHUTDOWN") {}
        Ok(())
    }
}

/// Sends a request; returns the extension's identifier, if the answer names it, and the body.
fn exchange(connection: &mut BufReader<TcpStream>, request: &str) -> io::Result<(String, String)> {
    connection.get_mut().write_all(request.as_bytes())?;
    let (id, length) = head(connection)?;
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok((id, String::from_utf8_lossy(&body).into_owned()))
}

/// Reads a message's head: the extension's identifier, if it names one, and the body's length.
pub(crate) fn head(connection: &mut BufReader<TcpStream>) -> io::Result<(String, usize)> {
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim_end().is_empty() {
            return Ok((id, length));
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("lambda-extension-identifier") {
            value.trim().clone_into(&mut id);
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
}
