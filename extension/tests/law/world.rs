//! A platform and an aggregator just real enough for one process: what the tests above need and no more.
//!
//! The emulated sandbox, with freezing, deadlines and function processes, is the `overtime-tests` package's.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use overtime_wire::Batch;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, timeout},
};

/// Longer than anything here takes, shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the aggregator treats what it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    Accept,
    Status(u16),
    Reset,
    Silence,
}

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) aggregator: Aggregator,
    process: Child,
    /// The process's `/tmp`.
    temporary: PathBuf,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.temporary);
    }
}

impl World {
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        Self::subscribed(&[200], settings).await
    }

    /// Where telemetry is answered with these, one after the other, and then always with the last.
    pub(crate) async fn subscribed(answers: &'static [u16], settings: &[(&str, &str)]) -> Self {
        Self::with(Platform::start(answers).await, settings).await
    }

    async fn with(platform: Platform, settings: &[(&str, &str)]) -> Self {
        away_from_the_end_of_a_block().await;
        let aggregator = Aggregator::start().await;
        let port = platform.address.rsplit(':').next().unwrap();
        let temporary = std::env::temp_dir().join(format!("overtime-law-{port}"));
        std::fs::create_dir_all(&temporary).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_overtime-extension"))
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", &platform.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "orders")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "eu-west-1")
            .env("OVERTIME_URL", &aggregator.url)
            .env("OVERTIME_AUTH", "none")
            .env("TMPDIR", &temporary)
            .envs(settings.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let world = Self { platform, aggregator, process, temporary };
        world.platform.wait_for_next(1).await;
        world
    }

    /// Hands out INVOKE, and returns once the extension asks for the next event.
    pub(crate) async fn invoke(&mut self, request: &str, allowance: Duration) {
        let arn = r#""arn:aws:lambda:eu-west-1:123456789012:function:orders""#;
        self.invoke_as(request, allowance, arn).await;
    }

    /// By an ARN, or by `null`, which is none.
    pub(crate) async fn invoke_as(&mut self, request: &str, allowance: Duration, arn: &str) {
        let deadline = now_ms() + allowance.as_millis();
        self.platform
            .hand_out(format!(
                r#"{{"eventType":"INVOKE","deadlineMs":{deadline},"requestId":"{request}","invokedFunctionArn":{arn}}}"#
            ))
            .await;
    }

    /// Posts `runtimeDone`.
    pub(crate) async fn done(&mut self, request: &str, status: &str, duration_ms: f64) {
        self.telemetry(&format!(
            r#"[{{"type":"platform.runtimeDone","record":{{"requestId":"{request}","status":"{status}","metrics":{{"durationMs":{duration_ms}}}}}}}]"#
        ))
        .await;
    }

    pub(crate) async fn telemetry(&mut self, body: &str) {
        let address = self.platform.telemetry.borrow().clone().unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Hands out SHUTDOWN, and returns how long the process took to end.
    pub(crate) async fn shutdown(&mut self, reason: &str) -> Duration {
        self.platform.announce_shutdown(reason);
        self.ended().await
    }

    /// Returns how long the process takes to end.
    pub(crate) async fn ended(&mut self) -> Duration {
        let begun = Instant::now();
        let status = timeout(PATIENCE, self.process.wait()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
        begun.elapsed()
    }

    /// What the process wrote to stderr until its end.
    pub(crate) async fn said(&mut self) -> String {
        let mut text = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut text).await.unwrap();
        text
    }
}

pub(crate) struct Platform {
    address: String,
    events: mpsc::UnboundedSender<String>,
    telemetry: watch::Receiver<Option<String>>,
    nexts: Arc<AtomicUsize>,
    asked: Arc<Notify>,
    /// What telemetry was asked for in, each time.
    schemas: Arc<Mutex<Vec<String>>>,
}

impl Platform {
    async fn start(answers: &'static [u16]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let (events, queue) = mpsc::unbounded_channel();
        let (found, telemetry) = watch::channel(None);
        let (nexts, asked) = (Arc::<AtomicUsize>::default(), Arc::<Notify>::default());
        let schemas = Arc::<Mutex<Vec<String>>>::default();
        let asked_in = Arc::clone(&schemas);
        let queue = Arc::new(tokio::sync::Mutex::new(queue));
        let (found, counter, bell) = (Arc::new(found), Arc::clone(&nexts), Arc::clone(&asked));
        serve(socket, move |path, body| {
            let (queue, found) = (Arc::clone(&queue), Arc::clone(&found));
            let (counter, bell) = (Arc::clone(&counter), Arc::clone(&bell));
            let asked_in = Arc::clone(&asked_in);
            async move {
                if path.ends_with("/event/next") {
                    counter.fetch_add(1, Ordering::SeqCst);
                    bell.notify_waiters();
                    let event = queue.lock().await.recv().await?;
                    return Some((200, event));
                }
                if path.ends_with("/telemetry") {
                    let body = String::from_utf8(body).unwrap();
                    let uri = body.split("http://").nth(1).unwrap().split('"').next().unwrap();
                    found.send_replace(Some(uri.replace("sandbox.localdomain", "127.0.0.1")));
                    let schema = body.split("schemaVersion\":\"").nth(1).unwrap();
                    let mut asked_in = asked_in.lock().unwrap();
                    asked_in.push(schema.split('"').next().unwrap().to_owned());
                    let answer = answers.get(asked_in.len() - 1).or(answers.last()).unwrap();
                    return Some((*answer, "\"OK\"".to_owned()));
                }
                let body = r#"{"functionName":"orders","functionVersion":"$LATEST","handler":"h","accountId":"123456789012"}"#;
                Some((200, body.to_owned()))
            }
        });
        Self { address, events, telemetry, nexts, asked, schemas }
    }

    pub(crate) fn schemas(&self) -> String {
        self.schemas.lock().unwrap().join(" ")
    }

    pub(crate) fn nexts(&self) -> usize {
        self.nexts.load(Ordering::SeqCst)
    }

    pub(crate) fn announce_shutdown(&self, reason: &str) {
        let deadline = now_ms() + 2_000;
        let event = format!(
            r#"{{"eventType":"SHUTDOWN","shutdownReason":"{reason}","deadlineMs":{deadline}}}"#
        );
        self.events.send(event).unwrap();
    }

    async fn hand_out(&self, event: String) {
        let before = self.nexts();
        self.events.send(event).unwrap();
        self.wait_for_next(before + 1).await;
    }

    async fn wait_for_next(&self, count: usize) {
        let wait = async {
            while self.nexts() < count {
                let _ = timeout(Duration::from_millis(5), self.asked.notified()).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("the extension asks for the next event");
    }
}

pub(crate) struct Aggregator {
    url: String,
    batches: Arc<Mutex<Vec<Batch>>>,
    reply: watch::Sender<Reply>,
    connections: Arc<Notify>,
    accepted: Arc<AtomicUsize>,
}

impl Aggregator {
    async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let (reply, replies) = watch::channel(Reply::Accept);
        let batches = Arc::<Mutex<Vec<Batch>>>::default();
        let heard = Arc::clone(&batches);
        let (connections, accepted) = serve(socket, move |path, body| {
            let (heard, reply) = (Arc::clone(&heard), *replies.borrow());
            async move {
                assert_eq!(path, "/v1/batches");
                heard.lock().unwrap().push(Batch::decode(&body).unwrap());
                match reply {
                    Reply::Accept => Some((200, r#"{"accepted":1,"refused":[]}"#.to_owned())),
                    Reply::Status(status) => Some((status, String::new())),
                    Reply::Reset => None,
                    Reply::Silence => std::future::pending().await,
                }
            }
        });
        Self { url, batches, reply, connections, accepted }
    }

    pub(crate) fn reply_with(&self, reply: Reply) {
        self.reply.send_replace(reply);
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Closes every connection, as a network does while an environment is frozen.
    pub(crate) fn forget_connections(&self) {
        self.connections.notify_waiters();
    }

    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.batches.lock().unwrap().clone()
    }

    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Batch> {
        let wait = async {
            while self.batches().len() < count {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("the extension reports");
        self.batches()
    }
}

/// A credential endpoint, and how often it has been asked.
pub(crate) async fn credentials() -> (String, Arc<AtomicUsize>) {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let asked = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&asked);
    serve(socket, move |_, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        let fields = r#""SecretAccessKey":"b","Token":"c","Expiration":"2999-01-01T00:00:00Z""#;
        std::future::ready(Some((200, format!(r#"{{"AccessKeyId":"a",{fields}}}"#))))
    });
    (url, asked)
}

/// Serves HTTP with a function from path and body to status and body; `None` closes. The bell closes all connections, which
/// are counted.
fn serve<F, A>(socket: TcpListener, answer: F) -> (Arc<Notify>, Arc<AtomicUsize>)
where
    F: Fn(String, Vec<u8>) -> A + Clone + Send + 'static,
    A: Future<Output = Option<(u16, String)>> + Send,
{
    let bell = Arc::<Notify>::default();
    let closing = Arc::clone(&bell);
    let accepted = Arc::<AtomicUsize>::default();
    let counter = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let (answer, closing) = (answer.clone(), Arc::clone(&closing));
            tokio::spawn(async move {
                tokio::select! {
                    () = converse(stream, answer) => {}
                    () = closing.notified() => {}
                }
            });
        }
    });
    (bell, accepted)
}

async fn converse<F, A>(mut stream: TcpStream, answer: F)
where
    F: Fn(String, Vec<u8>) -> A,
    A: Future<Output = Option<(u16, String)>>,
{
    let mut ahead = Vec::new();
    while let Some((path, body)) = request(&mut stream, &mut ahead).await {
        let Some((status, body)) = answer(path, body).await else { return };
        let head = format!(
            "HTTP/1.1 {status} X\r\nlambda-extension-identifier: id\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream.write_all((head + &body).as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn request(stream: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        let head = ahead.windows(4).position(|it| it == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&ahead[..head]).to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1).and_then(|it| it.split('\r').next());
            let length: usize = length.map_or(0, |it| it.parse().unwrap());
            if ahead.len() >= head + length {
                let body = ahead[head..head + length].to_vec();
                ahead.drain(..head + length);
                return Some((text.split(' ').nth(1)?.to_owned(), body));
            }
        }
        if stream.read_buf(ahead).await.ok()? == 0 {
            return None;
        }
    }
}

/// What is told in one block must not be told in two because a quarter of an hour happens to end.
async fn away_from_the_end_of_a_block() {
    let block_ms = u128::from(overtime_wire::BLOCK_MINUTES) * 60_000;
    let left = u64::try_from(block_ms - now_ms() % block_ms).unwrap();
    if left < 8_000 {
        sleep(Duration::from_millis(left)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a platform has a clock")]
fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}
