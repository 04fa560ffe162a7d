//! Where telemetry is posted to.

use std::io::{self, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sandbox::http;
use serde_json::Value;

use super::Diary;

/// Listens on a port of its own. The first `refuses` posts are written down and answered with 500.
pub(crate) fn start(diary: Arc<Diary>, refuses: u64) -> io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let refuses = Arc::new(AtomicU64::new(refuses));
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let (diary, refuses) = (Arc::clone(&diary), Arc::clone(&refuses));
            // A connection ends with an error or with the process; neither is of interest.
            thread::spawn(move || converse(connection, &diary, &refuses));
        }
    });
    Ok(port)
}

fn converse(connection: TcpStream, diary: &Diary, refuses: &AtomicU64) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut connection = BufReader::new(connection);
    loop {
        let post = http::read(&mut connection)?;
        let body: Value = serde_json::from_slice(&post.body)?;
        let spare = |left: u64| left.checked_sub(1);
        let taken = refuses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spare).is_err();
        let (what, status) =
            if taken { ("post", "200 OK") } else { ("refused", "500 Internal Server Error") };
        diary.write(what, &body)?;
        write!(connection.get_mut(), "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
    }
}
