//! Several workers, broken off at random, give each alarm once.

use std::time::Duration;

use chrono::TimeDelta;
use rand::RngExt;
use sea_orm::FromQueryResult;

use super::*;
use crate::{
    id::DeadlineId,
    testing::{assert_sound, databases, house, noon},
    ticket,
    write::{Act, Tx},
};

/// Tickets, each with a clock of every kind and basis.
const TICKETS: usize = 400;
const KINDS: [DeadlineKind; 5] = [
    DeadlineKind::Inform,
    DeadlineKind::Assign,
    DeadlineKind::Localize,
    DeadlineKind::Resolve,
    DeadlineKind::CheckVisit,
];
const CLOCKS: usize = TICKETS * KINDS.len() * 2;
/// What the default policy tells: three steps, and here two repetitions. 20,000 in all.
const ALARMS: i64 = 5;

/// Copies a ticket and its clock many times.
struct Multiply(TicketId);

impl Act for Multiply {
    const NAME: &'static str = "test.multiply";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> crate::Result<()> {
        let pattern = ticket::row::Entity::find_by_id(self.0).one(&tx.reader()).await?.unwrap();
        let clock = open::of_ticket(&tx.reader(), self.0).await?.remove(0);
        let (mut tickets, mut clocks) = (Vec::new(), Vec::new());
        for n in 0..TICKETS {
            let id = TicketId::new(tx.clock());
            tickets.push(ticket::row::Model { id, number: format!("T-{n}"), ..pattern.clone() });
            for kind in KINDS {
                for basis in [Basis::Legal, Basis::Contract] {
                    let id_of = DeadlineId::new(tx.clock());
                    clocks.push(Model {
                        id: id_of,
                        subject_id: id.0,
                        ticket_id: Some(id),
                        kind,
                        basis,
                        ..clock.clone()
                    });
                }
            }
        }
        tx.insert_all(&tickets).await?;
        tx.insert_all(&clocks).await
    }
}

/// A worker that is broken off at some moment, again and again, until nothing is due. What is broken off is the waiting:
/// a write that has begun runs to its end in a task of its own, so this shows that workers who lose their answer and
/// race with their own writes tell nothing twice. A process that dies inside a commit is the matter of the stories.
async fn work(db: &Db) {
    while is_any_due(db).await.unwrap() {
        let life = Duration::from_millis(rand::rng().random_range(1..60));
        let own = db.clone();
        let task = tokio::spawn(async move { fire_all(&own).await });
        let abort = task.abort_handle();
        tokio::pin!(task);
        if tokio::time::timeout(life, &mut task).await.is_err() {
            abort.abort();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_workers_broken_off_at_random_give_twenty_thousand_alarms_once_each() {
    #[derive(FromQueryResult)]
    struct Count {
        n: i64,
    }
    for test in databases().await {
        let (db, house) = (&test.db, house(&test.db).await);
        make_policy(db, &house, json!({ "resolve": null, "repeat_times": 2 })).await;
        let pattern = register(db, &house, "phone").await;
        db.write(Scope::system(house.organization), Multiply(pattern)).await.unwrap();
        for minutes in [15, 24, 30, 90, 150, 210] {
            test.clock.set(noon() + TimeDelta::minutes(minutes));
            tokio::join!(work(db), work(db), work(db), work(db));
        }
        let count = async |sql: &str| db.reader().one::<Count>(sql, []).await.unwrap().unwrap().n;
        let copies = format!("SELECT COUNT(*) AS n FROM alert WHERE ticket_id <> '{pattern}'");
        let all = match db.backend() {
            sea_orm::DbBackend::Postgres => count(&copies).await,
            _ => count("SELECT COUNT(*) AS n FROM alert").await - ALARMS,
        };
        assert_eq!(all, CLOCKS as i64 * ALARMS);
        let uneven = "SELECT COUNT(*) AS n FROM (SELECT deadline_id FROM alert GROUP BY deadline_id
             HAVING COUNT(*) <> 5 OR COUNT(DISTINCT round) <> 5 OR COUNT(DISTINCT step) <> 3) uneven";
        assert_eq!(count(uneven).await, 0);
        let told =
            "SELECT COUNT(*) AS n FROM deadline WHERE next_fire_at IS NOT NULL OR fired <> 5 OR told <> 100";
        assert_eq!(count(told).await, 0);
        assert_sound(db).await;
    }
}
