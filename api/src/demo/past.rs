//! What has happened before the day: two months of tickets of every company, acted through the use cases at their own
//! times, with the background jobs at theirs, so that journals, terms and alerts are those of a service that has run.

mod camera;
mod case;
mod works;

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use naryad_domain::{
    Clock, Result, blob::Blobs, clock::ManualClock, db::Db, escalation, notification, photo::Transfers,
    survey,
};
use naryad_worker::Registry;

use self::{camera::Camera, case::Case, works::WORKS};
use super::{names::Dice, photos::Photos, progress::Progress, world::World};

/// How many tickets there are in all.
pub(super) const TICKETS: usize = 320;
/// How far back the first of them lies.
pub(super) const DAYS: i64 = 60;

/// What the past is made with.
pub(super) struct Past<'a> {
    pub(super) db: &'a Db,
    pub(super) clock: &'a ManualClock,
    pub(super) blobs: Arc<dyn Blobs>,
    pub(super) world: &'a World,
    pub(super) progress: &'a Progress,
}

/// Lives the two months before `until`.
///
/// # Errors
/// An act was refused that should not be.
pub(super) async fn live(past: Past<'_>, photos: &mut Photos, seed: u64, until: DateTime<Utc>) -> Result<()> {
    let Past { db, clock, blobs, world, progress } = past;
    let mut dice = Dice::new(seed);
    let mut cases = cases(world, &mut dice, until);
    let transfers = Transfers::new(db.clone(), Arc::clone(&blobs));
    let mut camera = Camera::new(db, clock, blobs, photos);
    let registry = naryad_worker::registry().in_silence().with_uploads(transfers);
    progress.stretch("two months of tickets", cases.len());
    // The earliest first; of two at the same time, the older ticket.
    let mut agenda: BinaryHeap<_> =
        cases.iter().enumerate().map(|(index, case)| Reverse((case.registered_at, index))).collect();
    while let Some(Reverse((at, index))) = agenda.pop() {
        if at >= until {
            continue;
        }
        work_until(db, clock, &registry, at).await?;
        clock.set(at.max(clock.now()));
        let case = &mut cases[index];
        if case.is_new() {
            progress.step();
        }
        if let Some(next) = Box::pin(case.go_on(db, clock, &mut camera, &mut dice)).await? {
            agenda.push(Reverse((next.max(clock.now()), index)));
        }
    }
    work_until(db, clock, &registry, until).await?;
    clock.set(until.max(clock.now()));
    // Nobody was told of it: it is made up.
    notification::forget_the_past(db, clock.now()).await?;
    escalation::forget_the_past(db, clock.now()).await?;
    survey::forget_the_past(db, clock.now()).await?;
    Ok(())
}

/// Runs what is due before `at`, at the time at which it is due.
async fn work_until(db: &Db, clock: &ManualClock, registry: &Registry, at: DateTime<Utc>) -> Result<()> {
    while let Some(due) = naryad_worker::next_due(db, registry).await?.filter(|due| *due <= at) {
        clock.set(due.max(clock.now()));
        naryad_worker::drain(db, registry).await?;
    }
    Ok(())
}

/// The tickets of all companies: by their size, more by day than by night, of each kind of trouble its share.
fn cases<'a>(world: &'a World, dice: &mut Dice, until: DateTime<Utc>) -> Vec<Case<'a>> {
    let houses: usize = world.towns().map(|town| town.houses.len()).sum();
    let mut cases = Vec::with_capacity(TICKETS);
    for town in world.towns() {
        let last = cases.len() + TICKETS * town.houses.len() / houses;
        while cases.len() < last {
            let house = dice.below(town.houses.len());
            let mut share = dice.below(100);
            let work = WORKS.iter().find(|work| {
                let found = share < work.share;
                share = share.saturating_sub(work.share);
                found
            });
            let Some(work) = work else { continue };
            let registered_at = moment(dice, town.houses[house].zone, until);
            cases.push(Case::new(world, town, house, work, registered_at, dice));
        }
    }
    cases
}

/// Some minute of the two months before `until`; of four calls three come between seven and twenty-two.
fn moment(dice: &mut Dice, zone: chrono_tz::Tz, until: DateTime<Utc>) -> DateTime<Utc> {
    let last = until.with_timezone(&zone).date_naive();
    let date = last - TimeDelta::days(1 + dice.below(DAYS as usize - 1) as i64);
    let minute = if dice.below(4) == 0 { dice.below(24 * 60) } else { 7 * 60 + dice.below(15 * 60) };
    let local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute as i64);
    let found = local.and_local_timezone(zone).earliest();
    let seconds = TimeDelta::seconds(dice.below(60) as i64);
    found.map_or_else(|| local.and_utc(), |found| found.to_utc()) + seconds
}
