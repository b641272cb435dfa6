//! The rows behind each figure of the board and of the report are as many as it says, on both databases.

use std::collections::BTreeSet;

use super::*;
use crate::{
    catalogue::Unit,
    deadline::{
        DeadlineState, DeadlineSubject,
        board::{DeadlineFilter, DeadlineLine, list},
        row,
    },
    id::{DeadlineId, OrganizationId, TicketId, new_uuid},
    page::PageRequest,
    testing::{House, TestDb, databases, house, noon},
    ticket,
    write::{Act, Tx},
};

/// Clocks of every kind of state, place and crew, some of another organization's tickets that were passed here.
struct Scatter {
    house: House,
    owner: OrganizationId,
    executor: Option<OrganizationId>,
    tickets: Vec<TicketId>,
}

impl Act for Scatter {
    const NAME: &'static str = "test.scatter";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let kinds = [DeadlineKind::Localize, DeadlineKind::Resolve, DeadlineKind::Inform];
        for n in 0..180_i64 {
            let of = |count: i64, salt: i64| ((n * 7 + salt * 13) / (salt + 1)).rem_euclid(count) as usize;
            let state =
                [DeadlineState::Running, DeadlineState::Met, DeadlineState::Missed, DeadlineState::Paused];
            let state = state[of(4, 1)];
            let due = noon() + TimeDelta::minutes(n * 37 - 3_000);
            let due_at = (state != DeadlineState::Paused).then_some(due);
            let here = of(5, 2) > 0;
            tx.insert(&row::Model {
                id: DeadlineId::new(tx.clock()),
                organization_id: self.owner,
                executor_organization_id: self.executor,
                subject_kind: DeadlineSubject::Call,
                subject_id: new_uuid(tx.clock()),
                ticket_id: (here && !self.tickets.is_empty()).then(|| self.tickets[of(3, 3)]),
                building_id: here.then_some(self.house.building),
                request_type_id: (of(4, 4) > 0).then_some(self.house.kind),
                kind: kinds[of(3, 5)],
                basis: if of(2, 6) == 0 { Basis::Legal } else { Basis::Contract },
                policy_id: None,
                policy_version: 0,
                calendar_version: 0,
                clock: serde_json::json!({ "kind": "always" }),
                zone: "Europe/Moscow".to_owned(),
                started_from: due - TimeDelta::hours(2),
                target_amount: 7_200,
                target_unit: Unit::Seconds,
                pauses: false,
                edited: false,
                edit_reason: None,
                total_s: Some(7_200),
                consumed_s: 0,
                running_since: (state == DeadlineState::Running).then_some(due - TimeDelta::hours(2)),
                due_at,
                broken_at: None,
                late_from: due_at,
                grace_s: 0,
                next_fire_at: None,
                told: 0,
                fired: 0,
                repeats: 0,
                state,
                met_at: None,
                late_s: None,
                alert_acked: false,
                version: 1,
            })
            .await?;
        }
        Ok(())
    }
}

async fn scattered(test: &TestDb) -> House {
    let home = house(&test.db).await;
    let mut tickets = Vec::new();
    for (n, crew) in [&home.technicians[..1], &home.technicians[..], &[]].into_iter().enumerate() {
        let args = serde_json::json!({
            "request_type_id": home.kind, "premises_id": home.premises, "description": "Запах из канализации.",
            "applicant_name": "Иван Ильин", "applicant_phone": "+79123456789",
        });
        let register = ticket::Register { args: serde_json::from_value(args).unwrap() };
        let ticket = test.db.write(home.desk(), register).await.unwrap();
        if !crew.is_empty() {
            let start = noon() + TimeDelta::hours(1 + n as i64);
            let args = serde_json::json!({
                "technicians": crew, "start": start, "end": start + TimeDelta::hours(1),
            });
            let plan = ticket::Plan { ticket, args: serde_json::from_value(args).unwrap() };
            test.db.write(home.desk(), plan).await.unwrap();
        }
        tickets.push(ticket);
    }
    let own = Scatter { house: home.clone(), owner: home.organization, executor: None, tickets };
    test.db.write(Scope::system(home.organization), own).await.unwrap();
    let other = house(&test.db).await;
    for executor in [Some(home.organization), None] {
        let theirs =
            Scatter { house: other.clone(), owner: other.organization, executor, tickets: Vec::new() };
        test.db.write(Scope::system(other.organization), theirs).await.unwrap();
    }
    home
}

/// All rows behind a figure, page by page.
async fn rows(test: &TestDb, house: &House, figure: &Figure, now: Time) -> Vec<DeadlineLine> {
    let query = figure.rows.strip_prefix("/v1/deadlines?").unwrap();
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    let filter: serde_json::Map<String, serde_json::Value> =
        pairs.map(|(name, value)| (name.to_owned(), value.into())).collect();
    let filter: DeadlineFilter = serde_json::from_value(filter.into()).unwrap();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest::new(after, Some(7)).unwrap();
        let page = list(&test.db.reader(), &house.desk(), &filter, &page, now).await.unwrap();
        found.extend(page.items);
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    let ids: BTreeSet<DeadlineId> = found.iter().map(|line| line.id).collect();
    assert_eq!(ids.len(), found.len(), "a row comes once: {}", figure.rows);
    found
}

#[tokio::test]
async fn the_rows_behind_each_figure_of_the_report_add_up() {
    for test in databases().await {
        let house = scattered(&test).await;
        let (from, to) = (noon() - TimeDelta::hours(40), noon() + TimeDelta::hours(40));
        for by in [None, Some(Group::Building), Some(Group::Technician), Some(Group::Type)] {
            let query = ReportQuery { from, to, by };
            let report = report(&test.db.reader(), &house.desk(), &query, noon()).await.unwrap();
            let groups = report.groups.iter().flat_map(|group| &group.kinds);
            let mut sums = [0; 4];
            for figures in report.total.iter().chain(groups) {
                for figure in [&figures.met, &figures.missed, &figures.late, &figures.running] {
                    let behind = rows(&test, &house, figure, noon()).await;
                    assert_eq!(behind.len() as i64, figure.count, "{by:?} {}", figure.rows);
                }
            }
            for figures in &report.total {
                sums[0] += figures.met.count;
                sums[1] += figures.missed.count;
                sums[2] += figures.late.count;
                sums[3] += figures.running.count;
            }
            assert!(sums.iter().all(|sum| *sum > 0), "{sums:?}");
            // Groups that share nothing add up to the whole.
            if matches!(by, Some(Group::Building | Group::Type)) {
                let kinds = report.groups.iter().flat_map(|group| &group.kinds);
                let met: i64 = kinds.clone().map(|figures| figures.met.count).sum();
                let missed: i64 = kinds.map(|figures| figures.missed.count).sum();
                assert_eq!((met, missed), (sums[0], sums[1]));
                assert!(report.groups.iter().any(|group| group.id.is_none()));
            }
            for figures in &report.total {
                let judged = figures.met.count + figures.missed.count + figures.late.count;
                let share = 100.0 * figures.met.count as f64 / judged as f64;
                assert!((figures.in_time_percent.unwrap() - share).abs() <= 0.05);
            }
        }
    }
}

#[tokio::test]
async fn the_rows_behind_each_figure_of_the_board_add_up() {
    for test in databases().await {
        let house = scattered(&test).await;
        for by in [Group::Building, Group::Technician, Group::Type] {
            let query = BoardQuery { by, kind: Some(DeadlineKind::Resolve), basis: None };
            let board = board(&test.db.reader(), &house.desk(), &query, noon()).await.unwrap();
            assert!(board.groups.len() > 1 && !board.has_more);
            assert!(board.groups.windows(2).all(|pair| pair[0].overdue.count >= pair[1].overdue.count));
            for group in &board.groups {
                let figures =
                    [&group.overdue, &group.next_hour, &group.running, &group.paused, &group.missed_today];
                for figure in figures {
                    let behind = rows(&test, &house, figure, noon()).await;
                    assert_eq!(behind.len() as i64, figure.count, "{by:?} {}", figure.rows);
                }
            }
        }
    }
}

#[tokio::test]
async fn what_burns_stands_at_the_head_and_strangers_see_nothing_of_it() {
    for test in databases().await {
        let house = scattered(&test).await;
        let page = PageRequest::new(None, Some(200)).unwrap();
        let filter = DeadlineFilter::default();
        let burning = list(&test.db.reader(), &house.desk(), &filter, &page, noon()).await.unwrap().items;
        assert!(burning.windows(2).all(|pair| pair[0].due_at <= pair[1].due_at));
        assert!(burning[0].overdue && !burning[burning.len() - 1].overdue);
        let overdue = DeadlineFilter { overdue: Some(true), ..Default::default() };
        let late = list(&test.db.reader(), &house.desk(), &overdue, &page, noon()).await.unwrap().items;
        assert_eq!(late.len(), burning.iter().filter(|line| line.overdue).count());
        assert!(late.iter().all(|line| line.late_s > Some(0)));
        let missed = DeadlineFilter { state: Some(DeadlineState::Missed), ..Default::default() };
        let missed = list(&test.db.reader(), &house.desk(), &missed, &page, noon()).await.unwrap().items;
        assert!(missed.windows(2).all(|pair| pair[0].due_at >= pair[1].due_at));
        assert!(missed.iter().filter(|line| line.ticket_id.is_some()).all(|line| !line.why.is_empty()));
        let technician = list(&test.db.reader(), &house.technician(0), &filter, &page, noon()).await;
        assert_eq!(technician.unwrap_err().code(), crate::Code::Forbidden);
        let impossible = DeadlineFilter { state: Some(DeadlineState::Met), ..overdue };
        assert!(list(&test.db.reader(), &house.desk(), &impossible, &page, noon()).await.is_err());
        let other = crate::testing::house(&test.db).await;
        let nothing = list(&test.db.reader(), &other.desk(), &filter, &page, noon()).await.unwrap().items;
        assert!(nothing.is_empty());
    }
}
