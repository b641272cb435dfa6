//! Absences, shift edits, plans and holds at once: the outcome is that of some order, and nobody is lost.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::{absence, everyday, give, hour, manager, plan, register};
use crate::{
    Code, Error, Result,
    calendar::{
        Span,
        entry::{self, EntryKind},
    },
    id::{ShiftId, TechnicianId, TicketId, VisitId},
    notification, rebooking,
    shift::{self, Change, PatchShift, Record},
    testing::{House, TestDb, assert_sound, databases, house},
    ticket::Unplan,
    visit::{self, VisitStatus},
};

/// What a client does when it is shown what it would displace: it confirms, until the list stands still.
async fn insist<T>(mut act: impl AsyncFnMut(Option<String>) -> Result<T>) -> Result<T> {
    let mut confirm = None;
    loop {
        match act(confirm.clone()).await {
            Err(refused) if refused.code() == Code::DisplacesBookings => {
                confirm = refused.details()["confirm"].as_str().map(str::to_owned);
            }
            other => return other,
        }
    }
}

async fn edit_shift(test: &TestDb, house: &House, shift: ShiftId, until: u32) -> Result<()> {
    insist(async |confirm| {
        let scope = manager(house);
        let version = shift::get(&test.db.reader(), &scope, shift).await?.version;
        let week = serde_json::from_value(everyday("08:00", &format!("{until}:00"))).unwrap();
        let args = PatchShift { week: crate::page::Patch::Set(week), confirm, ..PatchShift::default() };
        test.db.write(scope, Change { id: shift, version, args }).await.map(|_| ())
    })
    .await
}

async fn leave(test: &TestDb, house: &House, technician: TechnicianId, span: Option<Span>) -> Result<()> {
    insist(async |confirm| {
        let mut args = match span {
            None => absence(technician, None, hour(3)),
            Some(span) => absence(technician, Some(span.start), span.end),
        };
        args.confirm = confirm;
        test.db.write(house.desk(), Record { args }).await.map(|_| ())
    })
    .await
}

/// What a client may be answered; anything else is a fault, a deadlock above all.
fn is_legal(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::SlotTaken | Code::AlreadyExists | Code::VersionStale | Code::IllegalMove | Code::InvalidField
    ) || error.code().name() == "slot_unavailable"
}

/// No booking lies in an absence, entries and visits agree, and whoever lost his time is in the list and told once.
async fn assert_nobody_is_lost(test: &TestDb, tickets: &[TicketId]) {
    let reader = test.db.reader();
    let entries = entry::Entity::find().filter(entry::Column::Active.eq(true)).all(&reader).await.unwrap();
    for away in entries.iter().filter(|entry| entry.kind == EntryKind::Absence) {
        for other in entries.iter().filter(|e| e.technician_id == away.technician_id && e.id != away.id) {
            assert!(
                other.busy_end <= away.busy_start || away.busy_end <= other.busy_start,
                "{other:?} lies in {away:?}"
            );
        }
    }
    let rebookings = rebooking::row::Entity::find().all(&reader).await.unwrap();
    let notices = notification::row::Entity::find().all(&reader).await.unwrap();
    let by_visit: BTreeMap<VisitId, &rebooking::row::Model> =
        rebookings.iter().map(|row| (row.visit_id, row)).collect();
    assert_eq!(by_visit.len(), rebookings.len());
    for ticket in tickets {
        for visit in visit::of_ticket(&reader, *ticket).await.unwrap() {
            let active = entries.iter().filter(|entry| entry.visit_id == Some(visit.row.id)).count();
            let expected = if visit.row.status.is_open() { visit.crew.len() } else { 0 };
            assert_eq!(active, expected, "{visit:?}");
            let displaced = visit.row.status == VisitStatus::Cancelled && visit.row.reason.is_some();
            assert_eq!(displaced, by_visit.contains_key(&visit.row.id), "{visit:?}");
        }
    }
    for row in &rebookings {
        let told = |notice: &&notification::row::Model| notice.event_key == row.event_key;
        assert_eq!(
            notices.iter().filter(told).filter(|notice| notice.ticket_id == Some(row.ticket_id)).count(),
            1
        );
    }
    let mut told: Vec<_> = notices.iter().map(|notice| (&notice.event_key, &notice.person)).collect();
    let count = told.len();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), count);
    assert_sound(&test.db).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absence_against_plan_against_shift_edit() {
    for test in databases().await {
        for seed in 0..3_u64 {
            let mut random = StdRng::seed_from_u64(seed);
            let house = house(&test.db).await;
            let [anna, boris] = house.technicians[..] else { panic!("two technicians") };
            let mut shifts = Vec::new();
            for technician in [anna, boris] {
                shifts.push(give(&test, &house, technician, everyday("08:00", "20:00")).await.unwrap().id);
            }
            let mut tickets = Vec::new();
            for n in 0..10 {
                tickets.push(register(&test, &house, &format!("+7900000000{n}")).await);
            }
            let mut steps = Vec::new();
            for (n, ticket) in tickets.iter().enumerate() {
                let crew = match n % 4 {
                    0 => vec![anna],
                    1 => vec![boris],
                    2 => vec![anna, boris],
                    _ => vec![boris, anna],
                };
                let start = hour(random.random_range(1..7));
                steps.push(Step::Plan(*ticket, crew, start));
                if n % 3 == 0 {
                    steps.push(Step::Unplan(*ticket));
                }
            }
            for n in 0..4 {
                let technician = if n % 2 == 0 { anna } else { boris };
                let from = random.random_range(1..6);
                let span = Span { start: hour(from), end: hour(from + 1) + TimeDelta::minutes(30) };
                steps.push(Step::Leave(technician, (n > 0).then_some(span)));
                steps.push(Step::Edit(shifts[n % 2], random.random_range(14..20)));
            }
            // A shuffled start: whoever comes first is a matter of the moment.
            for at in (1..steps.len()).rev() {
                steps.swap(at, random.random_range(0..=at));
            }
            let outcomes =
                futures_util::future::join_all(steps.iter().map(|step| step.run(&test, &house))).await;
            for (step, outcome) in steps.iter().zip(&outcomes) {
                if let Err(refused) = outcome {
                    assert!(is_legal(refused), "{step:?}: {refused:?}");
                }
            }
            assert_nobody_is_lost(&test, &tickets).await;
        }
    }
}

#[derive(Debug)]
enum Step {
    Plan(TicketId, Vec<TechnicianId>, crate::Time),
    Unplan(TicketId),
    Leave(TechnicianId, Option<Span>),
    Edit(ShiftId, u32),
}

impl Step {
    async fn run(&self, test: &TestDb, house: &House) -> Result<()> {
        match self {
            Self::Plan(ticket, crew, start) => {
                test.db.write(house.desk(), plan(*ticket, crew, *start)).await.map(|_| ())
            }
            Self::Unplan(ticket) => test.db.write(house.desk(), Unplan { ticket: *ticket }).await.map(|_| ()),
            Self::Leave(technician, span) => leave(test, house, *technician, *span).await,
            Self::Edit(shift, until) => edit_shift(test, house, *shift, *until).await,
        }
    }
}

/// A confirmed list is the list that is displaced: what came after the look is not taken with it.
#[tokio::test]
async fn a_booking_that_comes_after_the_look_is_shown_again() {
    for test in databases().await {
        let house = house(&test.db).await;
        let anna = house.technicians[0];
        let shift = give(&test, &house, anna, everyday("08:00", "20:00")).await.unwrap();
        let ask = async |confirm: Option<String>| {
            let args = json!({ "week": everyday("08:00", "16:00"), "confirm": confirm });
            let args = serde_json::from_value(args).unwrap();
            test.db.write(manager(&house), Change { id: shift.id, version: 1, args }).await
        };
        super::booked(&test, &house, &[anna], hour(5), "+79000000001").await;
        let first = ask(None).await.unwrap_err();
        super::booked(&test, &house, &[anna], hour(6), "+79000000002").await;
        let second = ask(first.details()["confirm"].as_str().map(str::to_owned)).await.unwrap_err();
        assert_eq!(second.code(), Code::DisplacesBookings);
        assert_eq!(second.details()["displaces"].as_array().unwrap().len(), 2);
        ask(second.details()["confirm"].as_str().map(str::to_owned)).await.unwrap();
    }
}
