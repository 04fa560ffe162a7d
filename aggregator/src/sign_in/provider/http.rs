//! The HTTP that `openidconnect` is lent: ours, with rustls and Mozilla's roots, no redirects, and a bound to what is read.

use std::{pin::Pin, time::Duration};

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::Client;

use crate::channels::post::{self, NoClient};

/// How long a provider may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Key sets and tokens are a few kilobytes.
const ANSWER_MAX: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("the provider cannot be asked")]
    Request(#[from] reqwest::Error),
    #[error("the provider's answer is longer than 1 MB")]
    TooLong,
}

#[derive(Debug, Clone)]
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new() -> Result<Self, NoClient> {
        post::unguarded(PATIENCE).map(Self)
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(Unanswered::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
