//! The phones of a technician whose feed has something new are told to pull.

use futures_util::future::join_all;
use naryad_domain::{
    Error, Result, Scope,
    channel::SendError,
    db::Db,
    job::{self, Claimed, Completing, Nothing},
    push::{self, Phone, PhonePoke, Push, PushMessage, Settle},
};
use serde::Deserialize;

pub(crate) async fn run(db: &Db, push: Option<&dyn Push>, job: &Claimed) -> Result<()> {
    let poke = PhonePoke::deserialize(&job.payload).map_err(Error::internal)?;
    let scope = Scope::system(job.organization);
    let Some(push) = push else {
        return db.write(scope, Completing { act: Nothing, lease: job.lease }).await;
    };
    // What is written from here on may come too late for this push.
    job::release_key(db, job.lease).await?;
    let phones = push::phones(&db.reader(), &scope, poke.technician).await?;
    let outcomes = join_all(phones.iter().map(|phone| tell(push, phone))).await;
    let act = settle(db, poke, phones.into_iter().zip(outcomes));
    db.write(scope, Completing { act, lease: job.lease }).await
}

async fn tell(push: &dyn Push, phone: &Phone) -> Result<(), SendError> {
    let told = push.send(&PushMessage::pull(phone.token.clone())).await;
    let outcome = told.as_ref().map_or_else(SendError::name, |()| "sent");
    metrics::counter!("naryad_pushes_total", "kind" => "poke", "outcome" => outcome).increment(1);
    told
}

/// What follows from the outcomes. A phone that was reached may be told once more with one that was not: it pulls, and
/// finds nothing new.
fn settle(
    db: &Db,
    poke: PhonePoke,
    outcomes: impl Iterator<Item = (Phone, Result<(), SendError>)>,
) -> Settle {
    let PhonePoke { technician, attempt } = poke;
    let (mut dead, mut late, mut asked) = (Vec::new(), None, None);
    for (phone, outcome) in outcomes {
        let Err(failure) = outcome else { continue };
        match &failure {
            SendError::Dead => dead.push(phone),
            SendError::Refused(why) => {
                tracing::warn!(%technician, device = %phone.device, why, "the phone cannot be poked");
            }
            SendError::Down(_) => late = Some(failure),
            SendError::Busy { retry_after } => {
                asked = asked.max(Some(PhonePoke::patience(*retry_after)));
                late = Some(failure);
            }
        }
    }
    let again = late.and_then(|failure| {
        let again = poke.again(asked);
        let then = if again.is_some() { "later" } else { "never" };
        tracing::warn!(%technician, attempt, then, %failure, "the phones are poked again");
        again.map(|(poke, pause)| (poke, db.clock().now() + pause))
    });
    Settle { dead, again }
}
