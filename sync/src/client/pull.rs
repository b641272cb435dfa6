//! What the phone shows: changes folded in page by page, a bootstrap collected beside what is shown.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Client, PROTOCOL,
    error::{Error, Problem, Result},
    store::{
        entities::{self, Change, FeedState, Shelf},
        meta,
        queue::{self, Went},
        set_meta,
        streams::{self, Stream},
    },
    sync::SyncReport,
    wire::{Door, post, read},
};

/// The newest schema of documents that is read here.
const SCHEMA: i64 = 1;

/// How often in one run a bootstrap is begun.
const BOOTSTRAPS: usize = 3;

/// After a bootstrap that did not add up either, the next waits so long, in milliseconds: one hour.
const MISMATCH_REST_MS: i64 = 3_600_000;

#[derive(Deserialize)]
struct PullAnswer {
    cursor: String,
    has_more: bool,
    changes: Vec<Change>,
    #[serde(default)]
    feeds: Vec<FeedState>,
    #[serde(default)]
    dropped_feeds: Vec<String>,
    acked_seq: i64,
    incarnation: Uuid,
}

/// Where the phone stands.
struct Place {
    stream: Stream,
    shelf: Shelf,
    cursor: Option<String>,
    /// The bootstrap begins because what was held did not add up.
    mismatch: bool,
}

/// How a page ended.
enum Page {
    /// There is more.
    More,
    /// The phone stands at the head.
    Head,
    /// It does, and holds something else than it should.
    Mismatch,
}

/// Why a bootstrap is needed, if the answer says so.
fn resync(problem: &Problem) -> Option<&str> {
    let gone = problem.status == 410 || problem.code == "resync_required";
    gone.then(|| problem.text("reason").unwrap_or("cursor_invalid"))
}

impl Client {
    /// Pulls until the phone stands at the head.
    pub(super) async fn pull(&self, report: &mut SyncReport) -> Result<()> {
        let (mut bootstraps, mut repaired) = (0, false);
        loop {
            let place = self.place().await?;
            let error = match self.pull_page(&place, report).await {
                Ok(Page::More) => continue,
                Ok(Page::Head) => return Ok(()),
                Ok(Page::Mismatch) => {
                    report.mismatch = true;
                    self.begin_bootstrap("mismatch", report).await?;
                    continue;
                }
                Err(error) => error,
            };
            let Some(problem) = error.problem() else { return Err(error) };
            if let Some(reason) = resync(problem) {
                bootstraps += 1;
                if bootstraps > BOOTSTRAPS {
                    return Err(error);
                }
                self.begin_bootstrap(reason, report).await?;
            } else if problem.code == "stream_of_another" && !repaired {
                // The server lost the stream with its last hours, or it is another's.
                repaired = true;
                let stands = self.register(place.stream.id).await?;
                report.streams_replaced += u32::from(stands != place.stream.id);
            } else {
                return Err(error);
            }
        }
    }

    async fn place(&self) -> Result<Place> {
        let mut tx = self.store().begin().await?;
        let stream = streams::current(&mut tx).await?.ok_or(Error::NotSignedIn)?;
        let shown = meta(&mut tx, "cursor").await?;
        let staging = meta(&mut tx, "staging").await?;
        if staging.is_none() && shown.is_some() {
            return Ok(Place { stream, shelf: Shelf::Shown, cursor: shown, mismatch: false });
        }
        if staging.is_none() {
            set_meta(&mut tx, "staging", Some("first")).await?;
        }
        let cursor = meta(&mut tx, "staging_cursor").await?;
        tx.commit().await?;
        let mismatch = cursor.is_none() && staging.as_deref() == Some("mismatch");
        Ok(Place { stream, shelf: Shelf::Staged, cursor, mismatch })
    }

    /// From here on everything is collected anew, beside what is shown. The queue and the photos are not touched.
    async fn begin_bootstrap(&self, reason: &str, report: &mut SyncReport) -> Result<()> {
        let mut tx = self.store().begin().await?;
        if reason == "other_user" {
            // What another could see is shown to nobody in the meantime.
            entities::wipe(&mut tx).await?;
        }
        entities::clear_staged(&mut tx).await?;
        set_meta(&mut tx, "staging", Some(reason)).await?;
        tx.commit().await?;
        report.bootstrapped = Some(reason.to_owned());
        Ok(())
    }

    async fn pull_page(&self, place: &Place, report: &mut SyncReport) -> Result<Page> {
        let waiting = queue::count(&mut *self.store().begin().await?, Some(place.stream.user)).await?;
        let mut body = json!({
            "protocol": PROTOCOL, "schema": SCHEMA,
            "device_id": place.stream.device, "stream_id": place.stream.id,
            "cursor": place.cursor, "limit": self.0.options.page, "waiting": waiting,
        });
        if place.mismatch {
            body["mismatch"] = Value::Bool(true);
        }
        let response = self.send_as(place.stream.id, Door::Token, &post("/v1/sync/pull", &body)).await?;
        let answer: PullAnswer = read(&response)?;
        self.take(place, &answer, report).await
    }

    /// A page, in one transaction: changes, cursor, and at the head of a bootstrap the swap.
    async fn take(&self, place: &Place, answer: &PullAnswer, report: &mut SyncReport) -> Result<Page> {
        let now = self.now_ms();
        let mut tx = self.store().begin().await?;
        for feed in &answer.dropped_feeds {
            entities::drop_feed(&mut tx, place.shelf, feed).await?;
        }
        entities::fold(&mut tx, place.shelf, &answer.changes).await?;
        let mut page = Page::More;
        if answer.has_more {
            let key = if place.shelf == Shelf::Staged { "staging_cursor" } else { "cursor" };
            set_meta(&mut tx, key, Some(&answer.cursor)).await?;
        } else {
            let adds_up = entities::adds_up(&mut tx, place.shelf, &answer.feeds).await?;
            if place.shelf == Shelf::Staged {
                entities::swap(&mut tx).await?;
                report.bootstrapped.get_or_insert_with(|| "first".to_owned());
            }
            set_meta(&mut tx, "cursor", Some(&answer.cursor)).await?;
            page = Page::Head;
            if adds_up {
                set_meta(&mut tx, "mismatched_ms", None).await?;
            } else if place.shelf == Shelf::Staged {
                // Not even what was pulled anew adds up: shown as it is, and not asked for again at once.
                report.mismatch = true;
                set_meta(&mut tx, "mismatched_ms", Some(&now.to_string())).await?;
            } else {
                report.mismatch = true;
                let last = meta(&mut tx, "mismatched_ms").await?.and_then(|at| at.parse::<i64>().ok());
                if last.is_none_or(|last| now.abs_diff(last) > MISMATCH_REST_MS.unsigned_abs()) {
                    page = Page::Mismatch;
                }
            }
        }
        let stream = streams::find(&mut tx, place.stream.id).await?;
        let new = self.new_stream();
        match queue::meet(&mut tx, &stream, answer.incarnation, answer.acked_seq, new).await? {
            Some(Went::Back) => report.went_back = true,
            Some(Went::Over(_)) => report.streams_replaced += 1,
            Some(Went::Broken) => report.needs_sign_in = true,
            None => {}
        }
        tx.commit().await?;
        report.pages += 1;
        report.changes += answer.changes.len();
        Ok(page)
    }
}
