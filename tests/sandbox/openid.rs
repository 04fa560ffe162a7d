//! An OpenID provider as a process of its own: `oidc-provider` from npm, and a browser that signs people in there.
//!
//! It is installed once, from `tests/oidc/package-lock.json`, under `target/node/`. Invariant: it listens on loopback, and is gone with
//! the value.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{RequestBuilder, Url};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::process::{Process, Program};
use crate::tools::{Missing, find};
use crate::{binaries, ids};

const HOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oidc");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oidc/provider.mjs");
const FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
const PATIENCE: Duration = Duration::from_mins(1);
/// Longer ways lead in circles.
const STEPS_MAX: usize = 12;

#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("it could not be installed with npm: {0}")]
    Npm(String),
    #[error("could not start it")]
    Start(#[from] io::Error),
    #[error("it did not start:\n{0}")]
    Silent(String),
}

#[derive(Debug)]
pub struct Provider {
    issuer: String,
    _process: Process,
}

impl Provider {
    /// Starts it, and waits until it is ready. It sends people back to `redirect`, and its clock is so late.
    pub async fn start(redirect: &str, late: Duration) -> Result<Self, Unavailable> {
        let node = find("node", "nodejs")?;
        let directory = tokio::task::spawn_blocking(install).await.map_err(io::Error::other)??;
        let address: SocketAddr = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let settings = serde_json::json!({
            "port": address.port(), "redirect": redirect, "late_s": late.as_secs(),
        });
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (heard, ready) = (Arc::clone(&said), Arc::new(Notify::new()));
        let rung = Arc::clone(&ready);
        let ear = Arc::new(move |line: String| {
            if line == "ready" {
                rung.notify_one();
            }
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        });
        let program = Program {
            file: node,
            arguments: vec![SCRIPT.to_owned(), settings.to_string()],
            variables: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            directory,
        };
        let process = Process::start(program, ear, drop).await?;
        if timeout(PATIENCE, ready.notified()).await.is_err() {
            let said = said.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
            return Err(Unavailable::Silent(said));
        }
        Ok(Self { issuer: format!("http://{address}"), _process: process })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// Where it is installed. Blocks, for some seconds when it is not yet.
fn install() -> Result<PathBuf, Unavailable> {
    let npm = find("npm", "npm")?;
    let read = |name: &str| fs::read_to_string(Path::new(HOME).join(name));
    let wanted = FILES.iter().map(|it| read(it)).collect::<io::Result<Vec<_>>>()?;
    let mut hasher = DefaultHasher::new();
    wanted.hash(&mut hasher);
    let shelf = binaries::target()?.join("node");
    let place = shelf.join(format!("oidc-{:016x}", hasher.finish()));
    if place.exists() {
        return Ok(place);
    }
    let bench = shelf.join(format!("unfinished-{:016x}", ids::random()));
    fs::create_dir_all(&bench)?;
    for (name, text) in FILES.iter().zip(&wanted) {
        fs::write(bench.join(name), text)?;
    }
    let _ = writeln!(io::stderr(), "installing oidc-provider with npm …");
    let ci = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    let done = Command::new(npm).args(ci).current_dir(&bench).output()?;
    if !done.status.success() {
        return Err(Unavailable::Npm(String::from_utf8_lossy(&done.stderr).into_owned()));
    }
    match fs::rename(&bench, &place) {
        Err(why) if !place.exists() => Err(why.into()),
        Ok(()) | Err(_) => Ok(place),
    }
}

/// What somebody sits before: it keeps cookies, follows redirects when it is told to, and says where a form is from.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// A page, and where it was in the end.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub status: u16,
    pub body: String,
    /// Where it leads, if it is none itself.
    pub leads_to: Option<Url>,
}

impl Page {
    /// The value of the first hidden field of that name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    }

    /// Where the first link to a path of that beginning leads.
    pub fn link(&self, path: &str) -> Option<Url> {
        let (_, rest) = self.body.split_once(&format!("href=\"{path}"))?;
        let href = rest.split_once('"')?.0.replace("&amp;", "&").replace("&#38;", "&");
        self.url.join(&format!("{path}{href}")).ok()
    }

    /// Where the first form of that kind is sent.
    fn action(&self) -> Option<Url> {
        let (_, rest) = self.body.split_once("action=\"")?;
        self.url.join(rest.split_once('"')?.0).ok()
    }
}

impl Browser {
    pub fn open() -> reqwest::Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let policy = reqwest::redirect::Policy::none();
        let client = reqwest::Client::builder().no_proxy().redirect(policy).build()?;
        Ok(Self { client, cookies: BTreeMap::new() })
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    pub fn keep(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// What is there, and no further.
    pub async fn look(&mut self, url: Url) -> reqwest::Result<Page> {
        let request = self.client.get(url.clone());
        self.send(url, request).await
    }

    /// What is there in the end.
    pub async fn visit(&mut self, url: Url) -> reqwest::Result<Page> {
        let mut page = self.look(url).await?;
        for _ in 0..STEPS_MAX {
            let Some(next) = page.leads_to.take() else { break };
            page = self.look(next).await?;
        }
        Ok(page)
    }

    /// Sends a form as its page would, and no further.
    pub async fn fill(&mut self, url: Url, fields: &[(&str, &str)]) -> reqwest::Result<Page> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.client.post(url.clone()).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.header(ORIGIN, url.origin().ascii_serialization());
        self.send(url, request).await
    }

    /// Sends JSON as a page's script would.
    pub async fn post_json(&mut self, url: Url, body: &serde_json::Value) -> reqwest::Result<Page> {
        let request = self.client.post(url.clone()).json(body);
        let request = request.header(ORIGIN, url.origin().ascii_serialization());
        self.send(url, request).await
    }

    async fn send(&mut self, url: Url, request: RequestBuilder) -> reqwest::Result<Page> {
        let kept = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let kept = kept.collect::<Vec<_>>().join("; ");
        let request = request.header(ACCEPT, "text/html,*/*;q=0.8").header(COOKIE, kept);
        let response = request.send().await?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.take(cookie.to_str().unwrap_or_default());
        }
        let leads_to = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let leads_to = leads_to.and_then(|it| url.join(it).ok());
        let (status, bytes) = (response.status().as_u16(), response.bytes().await?);
        Ok(Page { url, status, body: String::from_utf8_lossy(&bytes).into_owned(), leads_to })
    }

    fn take(&mut self, cookie: &str) {
        let Some((name, rest)) = cookie.split_once('=') else { return };
        let value = rest.split(';').next().unwrap_or_default();
        if value.is_empty() {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Signs somebody in at the provider and consents, from its first page on; says where they are sent back to.
    pub async fn sign_in(&mut self, authorize: Url, name: &str) -> reqwest::Result<Option<Url>> {
        let issuer = authorize.origin();
        let mut page = self.look(authorize).await?;
        for _ in 0..STEPS_MAX {
            page = match page.leads_to.take() {
                Some(next) if next.origin() != issuer => return Ok(Some(next)),
                Some(next) => self.look(next).await?,
                None => {
                    let Some(action) = page.action() else { return Ok(None) };
                    let prompt = page.field("prompt").unwrap_or_default().to_owned();
                    let fields = [("prompt", &*prompt), ("login", name), ("password", "any")];
                    self.fill(action, &fields).await?
                }
            };
        }
        Ok(None)
    }
}
