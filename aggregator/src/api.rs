//! The HTTP interface, JSON in and out: the list of routes reads as the API.
//!
//! One router for the laptop and for the Lambda doors, which mount the part they are for. Handlers parse, ask the store and
//! write down; what an error means to a caller is [`problem`]'s business alone, and what every answer carries, whoever
//! gives it, is [`shield`]'s.

pub(crate) mod alerts;
pub(crate) mod answer;
pub(crate) mod audit;
pub mod author;
pub mod batches;
pub mod below;
pub(crate) mod configuration;
pub(crate) mod coverage;
pub(crate) mod deliveries;
pub(crate) mod function;
pub(crate) mod functions;
pub(crate) mod health;
pub mod identity;
pub(crate) mod inventory;
pub(crate) mod list;
pub mod metrics;
mod openapi;
pub(crate) mod overview;
pub(crate) mod parameters;
pub(crate) mod preview;
pub mod problem;
pub(crate) mod range;
pub(crate) mod series;
pub(crate) mod shapes;
pub mod shield;
pub(crate) mod timeout;
pub(crate) mod timeouts;
pub(crate) mod trial;
pub mod viewer;
pub(crate) mod words;

use std::{fmt, sync::Arc, time::Duration};

use axum::{Router, middleware, routing::get};
use futures::future::BoxFuture;
use overtime_wire::EpochMillis;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    api::{batches::Inlet, problem::Problem, range::Horizon, viewer::Role},
    store::{Store, StoreError},
};

#[cfg(feature = "embedded")]
use crate::store::changes::Changes;

/// What the read API needs.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(crate) store: Store,
    pub(crate) clock: fn() -> EpochMillis,
    /// Rung when messages were written, where whoever delivers them listens.
    bell: Option<Bell>,
    /// The facts' stream, where this process can tell how far it has been followed.
    #[cfg(feature = "embedded")]
    changes: Option<Changes>,
}

/// How whoever delivers is told of a message that is due: best effort, because they look by themselves, too.
#[derive(Clone)]
pub struct Bell(Arc<dyn Fn(String) -> BoxFuture<'static, ()> + Send + Sync>);

impl Bell {
    pub fn new<F>(tell: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Arc::new(move |id| Box::pin(tell(id))))
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

impl Reader {
    pub fn new(store: Store, clock: fn() -> EpochMillis) -> Self {
        Self {
            store,
            clock,
            bell: None,
            #[cfg(feature = "embedded")]
            changes: None,
        }
    }

    /// What all answers are made from.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn now(&self) -> EpochMillis {
        (self.clock)()
    }

    pub(crate) fn horizon(&self) -> Horizon {
        Horizon::of((self.clock)(), &self.store.retention())
    }

    /// The same, which rings when it has written messages.
    #[must_use]
    pub fn ringing(self, bell: Bell) -> Self {
        Self { bell: Some(bell), ..self }
    }

    /// Tells whoever delivers of a message; where nobody listens, they look by themselves. It is told before the answer goes out,
    /// because a Lambda may be frozen the moment it has answered.
    async fn ring(&self, id: &str) {
        if let Some(bell) = &self.bell {
            (bell.0)(id.to_owned()).await;
        }
    }

    /// The same, which can also tell how far the facts' stream has been followed.
    #[cfg(feature = "embedded")]
    #[must_use]
    pub fn following(self, changes: Changes) -> Self {
        Self { changes: Some(changes), ..self }
    }

    /// How far evaluation is behind the facts, where this process can tell.
    #[cfg(feature = "embedded")]
    async fn lag(&self, now: EpochMillis) -> Result<Option<Duration>, StoreError> {
        match &self.changes {
            Some(changes) => changes.lag(&self.store, now).await,
            None => Ok(None),
        }
    }

    /// On Lambda the platform follows the stream, and its metric `IteratorAge` tells.
    #[cfg(not(feature = "embedded"))]
    #[expect(clippy::unused_async, reason = "the other one asks the stream")]
    async fn lag(&self, _: EpochMillis) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }
}

/// Everything a machine may ask or say.
pub fn router(inlet: Inlet, reader: Reader) -> Router {
    otherwise(batches::routes(inlet).merge(asked(reader)))
}

/// The way in alone.
pub fn ingest(inlet: Inlet) -> Router {
    otherwise(batches::routes(inlet))
}

/// Everything a machine may ask.
pub fn read(reader: Reader) -> Router {
    otherwise(asked(reader))
}

fn asked(reader: Reader) -> Router {
    let ready = Router::new().route("/healthz", get(health::ready)).with_state(reader.clone());
    ready.merge(described(reader))
}

fn otherwise(router: Router) -> Router {
    router.fallback(nothing).method_not_allowed_fallback(not_allowed)
}

/// What `/api/v1` answers, each route with its description.
fn described(reader: Reader) -> Router {
    let router = OpenApiRouter::with_openapi(openapi::describe())
        .routes(routes!(overview::show))
        .routes(routes!(function::show))
        .routes(routes!(function::analyses::show))
        .routes(routes!(timeout::show))
        .routes(routes!(alerts::show::show))
        .routes(routes!(alerts::show::show_episode))
        .routes(routes!(deliveries::show))
        .routes(routes!(health::show))
        .routes(routes!(coverage::show));
    let router = [
        routes!(overview::list_series),
        routes!(overview::heat::list),
        routes!(functions::list),
        routes!(function::list_series),
        routes!(timeouts::list),
        routes!(alerts::list),
        routes!(alerts::episodes::list),
        routes!(deliveries::list),
        routes!(audit::list),
        routes!(coverage::list),
    ]
    .into_iter()
    .fold(router, openapi::list);
    let router = router.merge(done());
    openapi::finish(router.with_state(reader.clone())).merge(configuration::routes(reader))
}

/// What is done by hand, and changes nothing of the configuration. Whoever may look may try what a draft would have told.
fn done() -> OpenApiRouter<Reader> {
    OpenApiRouter::new()
        .routes(routes!(deliveries::replay))
        .routes(routes!(trial::send))
        .layer(middleware::from_fn_with_state(Role::Operator, viewer::changes))
        .routes(routes!(preview::show))
        .routes(routes!(configuration::reach::show))
        .merge(inventory::routes())
        .layer(middleware::from_fn(author::meant))
}

async fn nothing() -> Problem {
    Problem::not_found("nothing is served under this path")
}

async fn not_allowed() -> Problem {
    Problem::not_allowed()
}

#[cfg(test)]
mod tests;
