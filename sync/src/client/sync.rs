//! One round with the server: what was done goes out first, then what proves it, then what is new comes in.

use super::{
    Client, Waiting,
    error::{Error, Result},
    store::{KEPT_MS, queue, streams},
};

/// What the server said to mutations, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Done as recorded.
    pub applied: usize,
    /// Done although the phone's view was old.
    pub merged: usize,
    /// Kept for a dispatcher.
    pub held: usize,
    /// Never possible.
    pub refused: usize,
    /// Of all these: answered before, and the answer was lost.
    pub replayed: usize,
}

impl Pushed {
    pub(super) fn count(&mut self, status: &str, replayed: bool) {
        match status {
            "applied" => self.applied += 1,
            "merged" => self.merged += 1,
            "held_for_review" => self.held += 1,
            _ => self.refused += 1,
        }
        self.replayed += usize::from(replayed);
    }

    /// All that were answered.
    pub fn total(&self) -> usize {
        self.applied + self.merged + self.held + self.refused
    }
}

/// Where something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Getting the delivery key.
    Register,
    /// Delivering acts.
    Push,
    /// Sending bytes of photos.
    Upload,
    /// Asking what is new.
    Pull,
}

/// Something that was not done and is tried again by the next round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Where.
    pub step: Step,
    /// The HTTP status, when the server answered.
    pub status: Option<u16>,
    /// The stable code, when the server gave one.
    pub code: Option<String>,
    /// In words, for a log.
    pub message: String,
}

/// What a round did. Nothing of it needs to be acted upon but `needs_sign_in`, and `retry_after` by who calls again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Answers to mutations.
    pub pushed: Pushed,
    /// Photos all of whose bytes are there now.
    pub photos_sent: usize,
    /// Bytes of photos that were sent.
    pub bytes_sent: u64,
    /// Pages pulled.
    pub pages: usize,
    /// Changes in them.
    pub changes: usize,
    /// Everything was pulled anew, and why: `first`, `mismatch`, or the reason of `resync_required`.
    pub bootstrapped: Option<String>,
    /// What the phone held did not add up to what the server says.
    pub mismatch: bool,
    /// The server had lost what it had answered for; it was delivered again, or will be by the next round.
    pub went_back: bool,
    /// Streams that were replaced.
    pub streams_replaced: u32,
    /// The server stopped a push half-way, with this code.
    pub stopped: Option<String>,
    /// Seconds that the server asks to wait, the longest.
    pub retry_after: Option<u64>,
    /// Somebody's sign-in is over: the app asks for it. Meanwhile what he does is recorded, and delivered by the key.
    pub needs_sign_in: bool,
    /// What was not done.
    pub troubles: Vec<Trouble>,
    /// What waits after the round.
    pub waiting: Waiting,
}

impl SyncReport {
    /// Whether everything was done.
    pub fn is_clean(&self) -> bool {
        self.troubles.is_empty() && self.stopped.is_none() && !self.needs_sign_in
    }

    pub(super) fn stop(&mut self, code: String, retry_after: Option<u64>) {
        self.stopped = Some(code);
        self.retry_after = self.retry_after.max(retry_after);
    }

    pub(super) fn trouble(&mut self, step: Step, error: &Error) {
        let problem = error.problem();
        self.retry_after = self.retry_after.max(problem.and_then(|problem| problem.retry_after));
        self.needs_sign_in |= matches!(error, Error::NotSignedIn) || problem.is_some_and(|p| p.status == 401);
        self.troubles.push(Trouble {
            step,
            status: problem.map(|problem| problem.status),
            code: problem.map(|problem| problem.code.clone()).filter(|code| !code.is_empty()),
            message: error.to_string(),
        });
    }

    /// Notes what went wrong in a step; true when there is no network, and nothing more is tried.
    fn note(&mut self, step: Step, done: Result<()>) -> Result<bool> {
        match done {
            Ok(()) => Ok(false),
            Err(error) if error.is_local() => Err(error),
            Err(error) => {
                self.trouble(step, &error);
                Ok(matches!(error, Error::Unreachable(_)))
            }
        }
    }
}

impl Client {
    /// One round: acts, photos, news. Whatever is not done is done by the next; how soon that is, the caller decides:
    /// at a poke, when the network comes back, and otherwise with growing pauses, never before `retry_after`.
    ///
    /// # Errors
    /// Only the store of the phone. What the network and the server did is in the report.
    pub async fn sync_once(&self) -> Result<SyncReport> {
        let _alone = self.0.talking.lock().await;
        let mut report = SyncReport::default();
        if !self.deliver(&mut report).await? {
            let current = streams::current(&mut *self.store().begin().await?).await?;
            if current.is_some() {
                let done = Box::pin(self.pull(&mut report)).await;
                let whole = done.is_ok();
                let offline = report.note(Step::Pull, done)?;
                if whole {
                    self.settle(true).await?;
                }
                if !offline && report.went_back {
                    self.deliver(&mut report).await?;
                }
            }
        }
        self.purge().await?;
        report.waiting = queue::count(&mut *self.store().begin().await?, None).await?;
        Ok(report)
    }

    /// Keys, acts and photos of everybody who has used this phone. True when there is no network.
    async fn deliver(&self, report: &mut SyncReport) -> Result<bool> {
        let open = streams::open(&mut *self.store().begin().await?).await?;
        for stream in open {
            let mut id = stream.id;
            if stream.key.is_none() && stream.access.is_some() {
                let done = match Box::pin(self.register(id)).await {
                    Ok(stands) => {
                        report.streams_replaced += u32::from(stands != id);
                        id = stands;
                        self.let_go(id).await
                    }
                    Err(error) => Err(error),
                };
                if report.note(Step::Register, done)? {
                    return Ok(true);
                }
            }
            let done = Box::pin(self.push(id, report)).await;
            if report.note(Step::Push, done)? {
                return Ok(true);
            }
        }
        let done = Box::pin(self.upload(report)).await;
        report.note(Step::Upload, done)
    }

    /// Lets go of what was answered and delivered two weeks ago.
    async fn purge(&self) -> Result<()> {
        let before = self.now_ms() - KEPT_MS;
        self.store().purge_photos(before).await?;
        let mut tx = self.store().begin().await?;
        queue::purge(&mut tx, before).await?;
        tx.commit().await?;
        Ok(())
    }
}
