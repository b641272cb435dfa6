//! What the person did: recorded at once, delivered when there is a network.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Client, MAX_ARGS_BYTES, MAX_PHOTO_BYTES, PROTOCOL, Waiting,
    error::{Error, Problem, Result},
    store::{
        entities,
        photos::{self, Photo, PhotoState},
        queue::{self, NewMutation, Queued, ResultLine, Went},
        streams::{self, Standing, Stream},
        time_text,
    },
    sync::SyncReport,
    transport::Response,
    wire::{Door, post, read},
};

/// Mutations in one push.
const MOST: usize = 100;

/// Bytes of mutations in one push: 1 MiB with room for what stands around them.
const MOST_BYTES: usize = 1024 * 1024 - 16 * 1024;

/// How often in one delivery a queue is put in order with the server before that is taken for a fault.
const REPAIRS: usize = 3;

/// A photo, voice note or signature that belongs to an act.
#[derive(Clone, Debug)]
pub struct NewPhoto {
    /// Identifier (UUIDv7), as in the arguments of the act.
    pub photo_id: Uuid,
    /// The very bytes that will be sent.
    pub bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct PushAnswer {
    acked_seq: i64,
    incarnation: Uuid,
    results: Vec<ResultLine>,
    #[serde(default)]
    stop: Option<Stop>,
}

#[derive(Deserialize)]
struct Stop {
    code: String,
    #[serde(default)]
    retry_after: Option<u64>,
}

/// What is to be done about a push that was answered with a problem.
enum Remedy {
    /// The stream goes on at this number.
    GoBack(i64),
    /// The server does not know the stream as ours.
    Register,
    /// Another phone has used the stream.
    NewStream,
    /// Fewer at once.
    Halve,
    /// Later.
    GiveUp,
}

fn remedy(problem: &Problem, stream: &Stream, sent: usize) -> Remedy {
    match (problem.status, problem.code.as_str()) {
        // Its key was issued after the backup from which the server was restored.
        (401, _) if stream.standing != Standing::Current => Remedy::Register,
        (409, "expected_seq") => problem.number("expected_seq").map_or(Remedy::GiveUp, Remedy::GoBack),
        (409, "stream_forked") => Remedy::NewStream,
        (403 | 409, "stream_of_another") => Remedy::Register,
        // One that cannot be sent must not keep back those before it.
        (400 | 413 | 422, _) if sent > 1 => Remedy::Halve,
        _ => Remedy::GiveUp,
    }
}

impl Client {
    /// Records an act; once this returns, it is durable with its photos, and will be delivered. Returns its number in the
    /// stream, which may change when the stream is replaced.
    ///
    /// For `photo.add` the arguments `sha256` and `bytes` are filled in from its photo.
    ///
    /// # Errors
    /// Nobody is signed in; the act is too large; a photo has been recorded before; the store fails.
    pub async fn record(
        &self,
        kind: &str,
        ticket_id: Option<Uuid>,
        args: Value,
        photos: Vec<NewPhoto>,
    ) -> Result<i64> {
        let clock = &self.0.clock;
        let mut new = NewMutation {
            id: self.fresh_id(),
            kind: kind.to_owned(),
            ticket_id,
            base_version: None,
            occurred_at: time_text(clock.now()),
            boot_id: clock.boot_id(),
            mono_ms: clock.mono_ms(),
            args,
        };
        let mut rows = Vec::new();
        for photo in photos {
            let row = Photo {
                id: photo.photo_id,
                mutation_id: new.id,
                ticket_id,
                sha256: hex::encode(Sha256::digest(&photo.bytes)),
                bytes: i64::try_from(photo.bytes.len()).unwrap_or(i64::MAX),
                state: PhotoState::Queued,
                upload: None,
                offset: 0,
                code: None,
                done_ms: None,
            };
            if photo.bytes.len() > MAX_PHOTO_BYTES {
                return Err(Error::TooLarge(photo.bytes.len()));
            }
            if kind == "photo.add"
                && let Some(args) = new.args.as_object_mut()
            {
                args.entry("sha256").or_insert_with(|| json!(row.sha256));
                args.entry("bytes").or_insert_with(|| json!(row.bytes));
            }
            if photos::find(&mut *self.store().begin().await?, row.id).await?.is_some() {
                return Err(Error::Corrupt(format!("photo {} is recorded already", row.id)));
            }
            self.store().write_file(row.id, &photo.bytes).await?;
            rows.push(row);
        }
        let bytes = new.args.to_string().len();
        if bytes > MAX_ARGS_BYTES {
            return Err(Error::TooLarge(bytes));
        }
        let mut tx = self.store().begin().await?;
        let stream = streams::current(&mut tx).await?.ok_or(Error::NotSignedIn)?;
        if let Some(ticket) = ticket_id {
            let held = entities::find(&mut tx, "ticket", ticket).await?;
            new.base_version = held.map(|ticket| ticket.doc_version);
        }
        let seq = queue::append(&mut tx, &stream, &new).await?;
        for row in &rows {
            photos::save(&mut tx, row).await?;
        }
        tx.commit().await?;
        Ok(seq)
    }

    /// Delivers what waits in a stream, until nothing waits or the server or the network stops it.
    pub(super) async fn push(&self, id: Uuid, report: &mut SyncReport) -> Result<()> {
        let (mut id, mut most, mut repairs, mut asked) = (id, MOST, 0, false);
        loop {
            let (stream, batch, waiting) = self.batch(id, most).await?;
            if stream.broken {
                report.needs_sign_in = true;
                return Ok(());
            }
            let pushed = if batch.is_empty() {
                // Where the current stream stands, pull tells.
                if asked || stream.standing == Standing::Current {
                    return Ok(());
                }
                asked = true;
                self.ask_where(&stream).await
            } else {
                self.push_batch(&stream, &batch, waiting, report).await
            };
            let error = match pushed {
                Ok(true) => continue,
                Ok(false) => return Ok(()),
                Err(error) => error,
            };
            let Some(problem) = error.problem() else { return Err(error) };
            let remedy = remedy(problem, &stream, batch.len());
            if !matches!(remedy, Remedy::Halve) {
                repairs += 1;
            }
            if repairs > REPAIRS {
                return Err(error);
            }
            match remedy {
                Remedy::Halve => most = batch.len() / 2,
                Remedy::Register if stream.access.is_some() => {
                    let stands = self.register(id).await?;
                    report.streams_replaced += u32::from(stands != id);
                    id = stands;
                }
                Remedy::GoBack(seq) => {
                    let mut tx = self.store().begin().await?;
                    let went = queue::go_back(&mut tx, &stream, seq, self.new_stream()).await?;
                    tx.commit().await?;
                    id = self.follow(id, went, report).await?;
                }
                Remedy::NewStream | Remedy::Register => {
                    let mut tx = self.store().begin().await?;
                    let went =
                        queue::take_over(&mut tx, &stream, stream.acked + 1, self.new_stream()).await?;
                    tx.commit().await?;
                    id = self.follow(id, went, report).await?;
                }
                Remedy::GiveUp => return Err(error),
            }
        }
    }

    /// Goes on with the stream that stands after a repair.
    async fn follow(&self, id: Uuid, went: Went, report: &mut SyncReport) -> Result<Uuid> {
        match went {
            Went::Back => {
                report.went_back = true;
                Ok(id)
            }
            Went::Over(new) => {
                report.streams_replaced += 1;
                self.register(new).await
            }
            // Whose it is must sign in; the next look says so.
            Went::Broken => Ok(id),
        }
    }

    /// Asks how far a stream is that nobody pulls by: a server that was restored may have lost what it had answered for.
    /// True when something goes again.
    async fn ask_where(&self, stream: &Stream) -> Result<bool> {
        let response = self.send_push(stream, &[], None).await?;
        let answer: PushAnswer = read(&response)?;
        let mut tx = self.store().begin().await?;
        let new = self.new_stream();
        let went = queue::meet(&mut tx, stream, answer.incarnation, answer.acked_seq, new).await?;
        tx.commit().await?;
        Ok(went.is_some())
    }

    /// What goes next: the first of what waits, within the limits, and what waits behind it.
    async fn batch(&self, id: Uuid, most: usize) -> Result<(Stream, Vec<Queued>, Waiting)> {
        let mut tx = self.store().begin().await?;
        let stream = streams::find(&mut tx, id).await?;
        let limit = i64::try_from(most.max(1)).unwrap_or(1);
        let mut batch = queue::waiting(&mut tx, &stream, limit).await?;
        let mut bytes = 0;
        let fits = batch.iter().position(|queued| {
            bytes += json!(queued).to_string().len() + 1;
            bytes > MOST_BYTES
        });
        batch.truncate(fits.unwrap_or(batch.len()).max(1));
        let mut waiting = queue::count(&mut tx, Some(stream.user)).await?;
        waiting.mutations -= i64::try_from(batch.len()).unwrap_or_default();
        Ok((stream, batch, waiting))
    }

    /// One push. False when the server has had enough.
    async fn push_batch(
        &self,
        stream: &Stream,
        batch: &[Queued],
        waiting: Waiting,
        report: &mut SyncReport,
    ) -> Result<bool> {
        let response = self.send_push(stream, batch, Some(waiting)).await?;
        let answer: PushAnswer = read(&response)?;
        let lines: Vec<&ResultLine> = answer.results.iter().take(batch.len()).collect();
        for (line, queued) in lines.iter().zip(batch) {
            line.check(queued)?;
        }
        let mut tx = self.store().begin().await?;
        // Read again: the token may have been refreshed meanwhile.
        let mut stream = streams::find(&mut tx, stream.id).await?;
        queue::answer(&mut tx, &mut stream, &lines, self.now_ms()).await?;
        let acked = answer.acked_seq.max(stream.acked);
        let went = queue::meet(&mut tx, &stream, answer.incarnation, acked, self.new_stream()).await?;
        report.went_back |= went.is_some();
        tx.commit().await?;
        for line in &lines {
            report.pushed.count(&line.status, line.replayed);
        }
        if let Some(stop) = answer.stop {
            report.stop(stop.code, stop.retry_after);
            return Ok(false);
        }
        if lines.is_empty() {
            return Err(Error::Unreachable("a push was answered with nothing".to_owned()));
        }
        Ok(true)
    }

    async fn send_push(
        &self,
        stream: &Stream,
        batch: &[Queued],
        waiting: Option<Waiting>,
    ) -> Result<Response> {
        let clock = &self.0.clock;
        let body = json!({
            "protocol": PROTOCOL, "device_id": stream.device, "stream_id": stream.id,
            "app_version": self.0.options.app_version,
            "device_now": time_text(clock.now()), "boot_id": clock.boot_id(), "mono_ms": clock.mono_ms(),
            "waiting": waiting, "mutations": batch,
        });
        self.send_as(stream.id, Door::Delivery, &post("/v1/sync/push", &body)).await
    }
}
