//! Which handler runs which kind of job.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::BoxFuture;
use naryad_domain::{
    Result, authority, call,
    channel::Channels,
    db::Db,
    deadline, feed, handover,
    job::Claimed,
    notification::mass,
    photo::{self, Transfers},
    push::{self, Push},
    survey::Links,
    ticket, visit,
};

use crate::{
    authority_remind, auto_close, call_again, deadline_recalculate, feed_expire, handover_expire,
    mass_notice_spread,
    periodic::{self, Task},
    phone_poke, photo_examine, ticket_refold, upload_judge, visit_overrun,
};

type Handler = Box<dyn for<'a> Fn(&'a Db, &'a Claimed) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// The handlers by kind. A handler completes its job by [`Completing`](naryad_domain::job::Completing).
#[derive(Default)]
pub struct Registry {
    handlers: BTreeMap<&'static str, Handler>,
    transfers: Option<Transfers>,
    channels: Option<Arc<Channels>>,
    silent: bool,
    tasks: Vec<Task>,
}

/// Every job of the house. One line a kind. What runs every so often stands in [`periodic`].
pub fn registry() -> Registry {
    let registry = periodic::tasks().into_iter().fold(Registry::default(), Registry::with_task);
    registry
        .with(authority::REMIND_JOB, |db, job| Box::pin(authority_remind::run(db, job)))
        .with(call::CALL_AGAIN_JOB, |db, job| Box::pin(call_again::run(db, job)))
        .with(deadline::RECALCULATE_JOB, |db, job| Box::pin(deadline_recalculate::run(db, job)))
        .with(feed::EXPIRE_JOB, |db, job| Box::pin(feed_expire::run(db, job)))
        .with(handover::EXPIRE_JOB, |db, job| Box::pin(handover_expire::run(db, job)))
        .with(mass::SPREAD_JOB, |db, job| Box::pin(mass_notice_spread::run(db, job)))
        .with_push(None)
        .with(ticket::AUTO_CLOSE_JOB, |db, job| Box::pin(auto_close::run(db, job)))
        .with(ticket::REFOLD_JOB, |db, job| Box::pin(ticket_refold::run(db, job)))
        .with(visit::OVERRUN_JOB, |db, job| Box::pin(visit_overrun::run(db, job)))
}

impl Registry {
    /// Adds a handler.
    #[must_use]
    pub fn with(
        mut self,
        kind: &'static str,
        handler: impl for<'a> Fn(&'a Db, &'a Claimed) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    ) -> Self {
        self.handlers.insert(kind, Box::new(handler));
        self
    }

    /// Adds a periodic task.
    #[must_use]
    pub fn with_task(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    /// Pushes through this provider. Without one, what was to be pushed is done at once.
    #[must_use]
    pub fn with_push(self, push: Option<Arc<dyn Push>>) -> Self {
        self.with(push::POKE_JOB, move |db, job| {
            let push = push.clone();
            Box::pin(async move { phone_poke::run(db, push.as_deref(), job).await })
        })
    }

    /// Alerts do not climb when the queue is drained: for a past that is made up, in which nobody is to be told.
    #[must_use]
    pub fn in_silence(mut self) -> Self {
        self.silent = true;
        self
    }

    /// Brings messages to people by these ways. Without them, what is to be said waits.
    #[must_use]
    pub fn with_channels(mut self, channels: Channels) -> Self {
        self.channels = Some(Arc::new(channels));
        self
    }

    /// Asks residents about the quality, by these links.
    #[must_use]
    pub fn with_surveys(self, links: Links) -> Self {
        self.with_task(periodic::surveys(links))
    }

    /// Looks at what these uploads bring, and tidies up after them.
    #[must_use]
    pub fn with_uploads(mut self, transfers: Transfers) -> Self {
        let blobs = Arc::clone(transfers.blobs());
        self.transfers = Some(transfers.clone());
        let registry = periodic::tasks_of_uploads().into_iter().fold(self, Self::with_task);
        registry
            .with(photo::EXAMINE_JOB, move |db, job| {
                let blobs = Arc::clone(&blobs);
                Box::pin(async move { photo_examine::run(db, &blobs, job).await })
            })
            .with(photo::JUDGE_JOB, move |db, job| {
                let transfers = transfers.clone();
                Box::pin(async move { upload_judge::run(db, &transfers, job).await })
            })
    }

    pub(crate) fn transfers(&self) -> Option<&Transfers> {
        self.transfers.as_ref()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(crate) fn channels(&self) -> Option<&Arc<Channels>> {
        self.channels.as_ref()
    }

    pub(crate) fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    pub(crate) fn find(&self, kind: &str) -> Option<&Handler> {
        self.handlers.get(kind)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}
