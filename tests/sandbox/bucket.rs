//! A bucket of moto's S3, and what whoever analyses logs finds in it.
//!
//! Objects are taken out as they lie there, into a folder of the same shape, which DuckDB then reads as one table. Invariant: it
//! listens on loopback and is gone with the value.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::{fs, io};

use axum::body::Bytes;
use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::python;
use crate::queues::{Queues, Unavailable};

const NAME: &str = "logs";
/// It reads nothing of a signature but which region it is for. Only in this one a bucket needs no further words.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, \
    SignedHeaders=host, Signature=0";

#[derive(Debug)]
pub struct Bucket {
    moto: Queues,
    client: reqwest::Client,
}

impl Bucket {
    /// Starts S3, and makes a bucket in it.
    pub async fn start() -> Result<Self, Unavailable> {
        let bucket = Self { moto: Queues::start().await?, client: http::client()? };
        let made = bucket.client.put(bucket.at("")).header("authorization", SIGNATURE);
        made.send().await?.error_for_status()?;
        Ok(bucket)
    }

    /// As `OVERTIME_LOGS_S3` names it.
    pub fn name(&self) -> String {
        format!("s3://{NAME}/of/us")
    }

    /// `OVERTIME_LOGS_S3_ENDPOINT`.
    pub fn url(&self) -> &str {
        self.moto.url()
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.url().strip_prefix("http://")?.parse().ok()
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{NAME}{path}", self.url())
    }

    /// Everything that is in it.
    pub async fn objects(&self) -> Result<BTreeMap<String, Bytes>, Unavailable> {
        let mut objects = BTreeMap::new();
        for key in self.keys().await? {
            let got = self.client.get(self.at(&format!("/{key}")));
            let got = got.header("authorization", SIGNATURE).send().await?.error_for_status()?;
            objects.insert(key, got.bytes().await?);
        }
        Ok(objects)
    }

    /// A thousand at most, which is more than any test makes.
    async fn keys(&self) -> Result<Vec<String>, Unavailable> {
        let list = self.client.get(self.at("?list-type=2")).header("authorization", SIGNATURE);
        let text = list.send().await?.error_for_status()?.text().await?;
        let keys = text.split("<Key>").skip(1).filter_map(|it| it.split("</Key>").next());
        Ok(keys.map(str::to_owned).collect())
    }

    /// All lines of all objects, as DuckDB reads them.
    pub async fn rows(&self) -> Result<Vec<Value>, Unavailable> {
        let folder = TempDir::new()?;
        let objects = self.objects().await?;
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        for (key, body) in objects {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            fs::write(path, body)?;
        }
        let rows = tokio::task::spawn_blocking(move || python::read_logs(folder.path()));
        Ok(rows.await.map_err(io::Error::other)??)
    }
}
