//! «Pull now» to the phones of one technician: one job, however many changes come together.
//!
//! No change goes untold: a write that finds the job of its technician locks it until it has committed, so the job is not
//! taken before; and a job that is taken gives its key back before it sends, so what is written later gets a job of its
//! own.

use std::fmt::Write;

use chrono::TimeDelta;
use rand::RngExt;
use sea_orm::{EntityTrait, FromQueryResult, Value};
use serde::{Deserialize, Serialize};

use super::PushToken;
use crate::{
    Error, Result, Scope, Time,
    db::Reader,
    id::{DeviceId, JobId, OrganizationId, TechnicianId},
    job::NewJob,
    people::device,
    write::{Act, LockRank, Tx},
};

/// The kind of the job.
pub const JOB: &str = "phone_poke";
/// So long a poke waits for further changes: a burst of them is one push.
pub const POKE_AFTER: TimeDelta = TimeDelta::seconds(2);
/// A poke that failed so often is given up: about twenty minutes after the first attempt.
pub const POKE_ATTEMPTS: u32 = 8;
/// After the first failure; each further pause is twice as long.
const PAUSE: TimeDelta = TimeDelta::seconds(10);
/// A provider that is busy and does not say how long gets at least this (FCM).
const BUSY: TimeDelta = TimeDelta::seconds(60);
/// A provider that asks for more is asked again all the same.
const LONGEST_PAUSE: TimeDelta = TimeDelta::days(1);

/// A technician whose feed has something new, and who has a phone that can be pushed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reached {
    pub(crate) technician: TechnicianId,
    pub(crate) organization: OrganizationId,
}

/// The payload of the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhonePoke {
    /// Whose phones.
    pub technician: TechnicianId,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

impl PhonePoke {
    fn first(technician: TechnicianId) -> Self {
        Self { technician, attempt: 1 }
    }

    fn dedup_key(self) -> String {
        format!("phone.poke:{}", self.technician)
    }

    fn payload(self) -> Result<serde_json::Value> {
        serde_json::to_value(self).map_err(Error::internal)
    }

    /// The next attempt with its pause, after what the provider asked for if it did; `None` after the last one.
    pub fn again(self, asked: Option<TimeDelta>) -> Option<(Self, TimeDelta)> {
        if self.attempt >= POKE_ATTEMPTS {
            return None;
        }
        let pause = PAUSE * 2_i32.pow(self.attempt.saturating_sub(1));
        let jitter = TimeDelta::seconds(rand::rng().random_range(0..=pause.num_seconds() / 2));
        let pause = (pause + jitter).max(asked.unwrap_or_default()).min(LONGEST_PAUSE);
        Some((Self { attempt: self.attempt + 1, ..self }, pause))
    }

    /// What a busy provider is given: as long as it asks for.
    pub fn patience(retry_after: Option<TimeDelta>) -> TimeDelta {
        retry_after.unwrap_or(BUSY)
    }
}

/// Enqueues a poke for each technician, sorted, in one statement. The heads of their feeds are locked: writes that meet
/// at a job come one after another.
pub(crate) async fn enqueue_pokes(tx: &Tx, reached: &[Reached]) -> Result<()> {
    for chunk in reached.chunks(100) {
        let mut values: Vec<Value> = vec![JOB.into(), (tx.now() + POKE_AFTER).into(), tx.now().into()];
        let mut rows = String::new();
        for one in chunk {
            let (poke, at) = (PhonePoke::first(one.technician), values.len());
            let comma = if rows.is_empty() { "" } else { ", " };
            let _ = write!(
                rows,
                "{comma}(${}, ${}, $1, ${}, ${}, $2, 'queued', 0, $3)",
                at + 1,
                at + 2,
                at + 3,
                at + 4
            );
            values.extend::<[Value; 4]>([
                JobId::new(tx.clock()).0.into(),
                one.organization.0.into(),
                poke.payload()?.into(),
                poke.dedup_key().into(),
            ]);
        }
        // The update changes nothing: it locks the job until this write has committed.
        let sql = format!(
            "INSERT INTO job (id, organization_id, kind, payload, dedup_key, run_at, state, attempts, created_at)
             VALUES {rows}
             ON CONFLICT (dedup_key) WHERE dedup_key IS NOT NULL AND state IN ('queued', 'running')
             DO UPDATE SET run_at = job.run_at"
        );
        tx.execute(&sql, values).await?;
    }
    Ok(())
}

/// A phone that can be pushed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// The device.
    pub device: DeviceId,
    /// Where it is reached.
    pub token: PushToken,
}

/// The phones of a technician that can be pushed to. Browsers are none: an open page hears the stream of pokes.
///
/// # Errors
/// The database cannot be read.
pub async fn phones(reader: &Reader<'_>, scope: &Scope, technician: TechnicianId) -> Result<Vec<Phone>> {
    #[derive(FromQueryResult)]
    struct Row {
        id: DeviceId,
        push_token: String,
    }
    let sql = "SELECT d.id, d.push_token FROM device d JOIN app_user u ON u.id = d.user_id
               WHERE d.user_id = $1 AND d.organization_id = $2 AND u.active AND d.active
                 AND d.push_token IS NOT NULL AND d.platform <> 'web'
               ORDER BY d.id";
    let rows: Vec<Row> = reader.all(sql, [technician.0.into(), scope.organization().0.into()]).await?;
    Ok(rows.into_iter().map(|row| Phone { device: row.id, token: PushToken::new(row.push_token) }).collect())
}

/// The end of a poke: dead tokens leave their devices, and what was not taken is tried again.
#[derive(Clone, Debug)]
pub struct Settle {
    /// Phones whose token the provider no longer knows. One that has registered another meanwhile keeps it.
    pub dead: Vec<Phone>,
    /// The next attempt, and when.
    pub again: Option<(PhonePoke, Time)>,
}

impl Act for Settle {
    const NAME: &'static str = "phone.poke";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        self.forget_tokens(tx).await?;
        let Some((poke, run_at)) = self.again else { return Ok(()) };
        // Where a newer poke waits already, it takes the place of this one.
        tx.enqueue(NewJob {
            organization: tx.scope().organization(),
            kind: JOB,
            payload: poke.payload()?,
            run_at,
            dedup_key: Some(poke.dedup_key()),
        });
        Ok(())
    }
}

impl Settle {
    async fn forget_tokens(&self, tx: &mut Tx) -> Result<()> {
        let devices = self.dead.iter().map(|phone| phone.device.0);
        tx.lock_rows(LockRank::Tickets, "device", "id", devices).await?;
        for phone in &self.dead {
            let Some(before) = device::Entity::find_by_id(phone.device).one(&tx.reader()).await? else {
                continue;
            };
            if before.push_token.as_deref() == Some(phone.token.expose()) {
                let after = device::Model { push_token: None, version: before.version + 1, ..before.clone() };
                tx.update(&before, &after).await?;
            }
        }
        Ok(())
    }
}
