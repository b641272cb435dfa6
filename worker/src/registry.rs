//! Which handler runs which kind of job.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use naryad_domain::{Result, db::Db, feed, job::Claimed, ticket};

use crate::{auto_close, feed_expire};

type Handler = Box<dyn for<'a> Fn(&'a Db, &'a Claimed) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// The handlers by kind. A handler completes its job by [`Completing`](naryad_domain::job::Completing).
#[derive(Default)]
pub struct Registry(BTreeMap<&'static str, Handler>);

/// Every job of the house. One line a kind.
pub fn registry() -> Registry {
    Registry::default()
        .with(feed::EXPIRE_JOB, |db, job| Box::pin(feed_expire::run(db, job)))
        .with(ticket::AUTO_CLOSE_JOB, |db, job| Box::pin(auto_close::run(db, job)))
}

impl Registry {
    /// Adds a handler.
    #[must_use]
    pub fn with(
        mut self,
        kind: &'static str,
        handler: impl for<'a> Fn(&'a Db, &'a Claimed) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        self.0.insert(kind, Box::new(handler));
        self
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&Handler> {
        self.0.get(kind)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
