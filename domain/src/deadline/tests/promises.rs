//! Work at an agreed time: its term ends with the last window that is promised, and a broken promise stays broken.

use super::*;
use crate::{
    catalogue::version,
    id::VisitId,
    rebooking::{Cause, CauseKind, displace},
    testing::{TestDb, assert_sound, databases, house, noon},
    text::Text,
    ticket::{At, Complete, CompleteTicket, Held, Plan, Unplan, find},
    visit::{self, EndVisit, MoveTo, Start, Unfinished},
    write::{Act, Tx},
};

/// The kind of work of the house is done at an agreed time.
struct ByAgreement(House);

impl Act for ByAgreement {
    const NAME: &'static str = "test.by_agreement";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> crate::Result<()> {
        let before = version::Entity::find_by_id((self.0.kind, 1)).one(&tx.reader()).await?.unwrap();
        let mut after = before.clone();
        after.rules["clock"] = json!({ "kind": "slot" });
        tx.update(&before, &after).await
    }
}

/// A visit loses its time.
struct Lose(TicketId, VisitId);

impl Act for Lose {
    const NAME: &'static str = "test.lose";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> crate::Result<()> {
        let mut held = Held::take(tx, self.0, &[]).await?;
        let cause = Cause { kind: CauseKind::Absence, event_key: format!("test:{}", self.1) };
        displace(tx, &mut held, self.1, &cause).await?;
        assert_eq!(held.ticket, find(&tx.reader(), tx.scope(), self.0).await?);
        Ok(())
    }
}

struct Site<'a> {
    test: &'a TestDb,
    house: House,
    ticket: TicketId,
}

impl Site<'_> {
    async fn of(test: &TestDb) -> Site<'_> {
        let house = house(&test.db).await;
        test.db.write(Scope::system(house.organization), ByAgreement(house.clone())).await.unwrap();
        let ticket = register(&test.db, &house, "phone").await;
        Site { test, house, ticket }
    }

    async fn act<A: Act>(&self, act: A) {
        self.test.db.write(self.house.desk(), act).await.unwrap();
    }

    /// Books a technician for an hour that ends so many hours after noon, and gives back the visit.
    async fn plan(&self, technician: usize, hour: i64, window: &str) -> VisitId {
        let (start, end) = (noon() + TimeDelta::hours(hour - 1), noon() + TimeDelta::hours(hour));
        let id = VisitId::new(&**self.test.db.clock());
        let args = json!({
            "visit_id": id, "technicians": [self.house.technicians[technician]], "start": start, "end": end,
            "window": { "kind": window, "start": start, "end": end },
        });
        self.act(Plan { ticket: self.ticket, args: serde_json::from_value(args).unwrap() }).await;
        id
    }

    async fn move_to(&self, visit: VisitId, hour: i64) {
        let (start, end) = (noon() + TimeDelta::hours(hour - 1), noon() + TimeDelta::hours(hour));
        let args = json!({
            "start": start, "end": end, "window": { "kind": "promised", "start": start, "end": end },
        });
        self.act(MoveTo { visit, args: serde_json::from_value(args).unwrap() }).await;
    }

    async fn resolve(&self) -> Model {
        clock(&self.test.db, self.ticket, DeadlineKind::Resolve, Basis::Contract).await.unwrap()
    }

    /// The term ends so many hours after noon, and the ticket says the same.
    async fn ends(&self, hours: Option<i64>) {
        let due = hours.map(|hours| noon() + TimeDelta::hours(hours));
        assert_eq!(self.resolve().await.due_at, due);
        assert_eq!(seen(&self.test.db, &self.house, self.ticket).await.planned_term, due);
    }

    async fn complete(&self) {
        let reason = Some(Text::parse("Доложил по телефону.").unwrap());
        let args = CompleteTicket { reason, ..Default::default() };
        self.act(Complete { ticket: self.ticket, args }).await;
    }
}

#[tokio::test]
async fn the_term_follows_the_last_of_two_promises() {
    for test in databases().await {
        let site = Site::of(&test).await;
        site.ends(None).await;
        let first = site.plan(0, 2, "promised").await;
        site.ends(Some(2)).await;
        let second = site.plan(1, 6, "promised").await;
        site.ends(Some(6)).await;
        site.act(visit::Cancel { visit: second, args: Default::default() }).await;
        site.ends(Some(2)).await;
        let second = site.plan(1, 6, "promised").await;
        site.act(Lose(site.ticket, second)).await;
        site.ends(Some(2)).await;
        // What was only wished is promised, for the same time.
        let second = site.plan(1, 6, "wished").await;
        site.ends(Some(2)).await;
        site.move_to(second, 6).await;
        site.ends(Some(6)).await;
        test.clock.advance(TimeDelta::hours(1));
        site.act(Start { visit: first, args: At { occurred_at: None } }).await;
        site.act(visit::Cancel { visit: second, args: Default::default() }).await;
        site.ends(Some(2)).await;
        site.plan(1, 8, "promised").await;
        site.ends(Some(8)).await;
        let args = EndVisit { reason: Text::parse("Нет запчасти.").unwrap(), occurred_at: None };
        site.act(Unfinished { visit: first, args }).await;
        site.ends(Some(8)).await;
        site.act(Unplan { ticket: site.ticket }).await;
        site.ends(None).await;
        assert_eq!(site.resolve().await.broken_at, None);
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn a_broken_promise_is_not_mended_by_another() {
    for test in databases().await {
        let site = Site::of(&test).await;
        let visit = site.plan(0, 2, "promised").await;
        test.clock.set(noon() + TimeDelta::hours(2));
        fire_all(&test.db).await;
        test.clock.set(noon() + TimeDelta::hours(3));
        site.move_to(visit, 6).await;
        site.ends(Some(6)).await;
        let running = site.resolve().await;
        let first = Some(noon() + TimeDelta::hours(2));
        assert_eq!((running.broken_at, running.late_from), (first, first));
        let told = alerts_of(&test.db, &running).await;
        assert!(told.iter().all(|alert| alert.taken_back_at.is_none()), "{told:?}");
        // The new promise has alarms of its own, and is moved again before it ends: these are taken back.
        test.clock.set(noon() + TimeDelta::minutes(330));
        fire_all(&test.db).await;
        let again = alerts_of(&test.db, &running).await;
        assert_eq!(again.len(), told.len() + 1, "{again:?}");
        site.move_to(visit, 12).await;
        let again = alerts_of(&test.db, &running).await;
        let back: Vec<_> = again.iter().map(|alert| alert.taken_back_at.is_some()).collect();
        assert_eq!(back, [vec![false; told.len()], vec![true]].concat());
        test.clock.set(noon() + TimeDelta::hours(7));
        site.complete().await;
        let ended = site.resolve().await;
        assert_eq!((ended.state, ended.due_at), (DeadlineState::Missed, first));
        assert_eq!(ended.late_s, Some(5 * 3_600));
        let query = report::ReportQuery { from: noon(), to: noon() + TimeDelta::hours(3), by: None };
        let now = test.db.clock().now();
        let report = report::report(&test.db.reader(), &site.house.desk(), &query, now).await.unwrap();
        let figures = report.total.iter().find(|figures| figures.kind == DeadlineKind::Resolve).unwrap();
        assert_eq!((figures.met.count, figures.missed.count), (0, 1));
        assert_sound(&test.db).await;
    }
}

#[tokio::test]
async fn a_promise_that_was_kept_is_not_broken_when_the_work_comes_back() {
    for test in databases().await {
        let site = Site::of(&test).await;
        site.plan(0, 2, "promised").await;
        test.clock.set(noon() + TimeDelta::minutes(90));
        site.complete().await;
        assert_eq!(site.resolve().await.state, DeadlineState::Met);
        test.clock.set(noon() + TimeDelta::hours(4));
        let reason = Text::parse("Течёт снова.").unwrap();
        let act = crate::ticket::Return { ticket: site.ticket, args: crate::ticket::Why { reason }.into() };
        site.act(act).await;
        site.ends(None).await;
        site.plan(1, 6, "promised").await;
        site.ends(Some(6)).await;
        test.clock.set(noon() + TimeDelta::minutes(330));
        site.complete().await;
        let ended = site.resolve().await;
        assert_eq!((ended.state, ended.broken_at), (DeadlineState::Met, None));
    }
}
