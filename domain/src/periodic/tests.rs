//! The rule for all inputs; the rows under contention, on both databases.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use proptest::prelude::*;
use rand::RngExt;

use super::*;
use crate::{
    Clock, Time,
    db::Db,
    testing::{TestDb, beside, databases, noon},
};

fn row(every_s: i64, next_at: Time, owner_until: Option<Time>, failures: i64) -> Periodic {
    Periodic {
        name: "task".to_owned(),
        every_s,
        next_at,
        owner: owner_until.map(|_| uuid::Uuid::nil()),
        owner_until,
        worker: None,
        last_started: None,
        last_finished: None,
        last_error: None,
        runs: 0,
        failures,
        pulse: 1,
    }
}

fn around_noon() -> impl Strategy<Value = Time> {
    // A year to both sides, to the microsecond.
    let year = 366 * 86_400 * 1_000_000_i64;
    (-year..year).prop_map(|us| noon() + TimeDelta::microseconds(us))
}

fn intervals() -> impl Strategy<Value = TimeDelta> {
    prop_oneof![1_i64..10, 10_i64..3600, 3600_i64..40 * 86_400].prop_map(TimeDelta::seconds)
}

proptest! {
    #[test]
    fn after_a_success_it_keeps_its_beat_and_skips_what_was_missed(
        planned in around_noon(), now in around_noon(), every in intervals(),
    ) {
        let next = next_at(planned, now, every, 0);
        prop_assert!(now < next && next <= now + every);
        let beat = (next - planned).num_microseconds().unwrap() % every.num_microseconds().unwrap();
        prop_assert_eq!(beat, 0);
    }

    #[test]
    fn a_failure_makes_it_rest_longer_each_time_and_never_too_long(
        planned in around_noon(), now in around_noon(), every in intervals(), failures in 1_i64..200,
    ) {
        let rest = pause(every, failures);
        prop_assert!(rest >= every.min(TimeDelta::seconds(10)));
        prop_assert!(rest <= every.max(TimeDelta::minutes(10)));
        prop_assert!(rest <= pause(every, failures + 1));
        prop_assert_eq!(next_at(planned, now, every, failures), now + rest);
    }

    /// Whatever the clock did before and does now: nobody waits longer than the task ever rests, and no lease holds longer
    /// than a lease.
    #[test]
    fn a_clock_that_jumps_stalls_nothing(
        planned in around_noon(), before in around_noon(), now in around_noon(), every in intervals(),
        failures in 0_i64..30, held in any::<bool>(),
    ) {
        let next = next_at(planned, before, every, failures);
        let row = row(every.num_seconds(), next, held.then(|| before + LEASE), failures);
        let rest = pause(every, failures);
        match Look::at(now, &row) {
            Look::NotYet => prop_assert!(!held && now < next && next - now <= rest),
            Look::Due => prop_assert!(!held && next <= now),
            Look::TooFar => prop_assert!(!held && next - now > rest),
            Look::Held => prop_assert!(held && (before - now).abs() <= LEASE),
            Look::Lapsed => prop_assert!(held && before != now),
        }
        // What was planned by this very clock is never too far.
        let own = super::tests::row(every.num_seconds(), next_at(planned, now, every, failures), None, failures);
        prop_assert_eq!(Look::at(now, &own), Look::NotYet);
    }
}

#[test]
fn the_first_rests_of_a_task_that_fails() {
    let rests = |every| {
        (1..=8).map(|failures| pause(TimeDelta::seconds(every), failures).num_seconds()).collect::<Vec<_>>()
    };
    assert_eq!(rests(1), [1, 2, 4, 8, 16, 32, 64, 128]);
    assert_eq!(rests(600), [10, 20, 40, 80, 160, 320, 600, 600]);
    assert_eq!(rests(86_400), [10, 20, 40, 80, 160, 320, 640, 1280]);
}

const EVERY: TimeDelta = TimeDelta::minutes(10);

async fn seen(db: &Db) -> Periodic {
    standing(&db.reader(), "task").await.unwrap().unwrap()
}

#[tokio::test]
async fn a_turn_is_taken_renewed_and_ended_by_its_owner_only() {
    for test in databases().await {
        let db = &test.db;
        announce(db, "task", EVERY).await.unwrap();
        let fresh = seen(db).await;
        assert_eq!((fresh.next_at, fresh.every()), (noon(), EVERY));
        assert_eq!(due(db).await.unwrap(), std::slice::from_ref(&fresh));
        let first = take(db, &fresh, "one").await.unwrap().unwrap();
        assert_eq!(take(db, &fresh, "two").await.unwrap(), None, "it was taken meanwhile");
        assert_eq!(Look::at(test.clock.now(), &seen(db).await), Look::Held);

        test.clock.advance(LEASE);
        assert!(renew(db, &first).await.unwrap());
        test.clock.advance(LEASE);
        assert_eq!(
            Look::at(test.clock.now(), &seen(db).await),
            Look::Held,
            "the lease holds to its last moment"
        );
        test.clock.advance(TimeDelta::microseconds(1));
        let lapsed = seen(db).await;
        assert_eq!(Look::at(test.clock.now(), &lapsed), Look::Lapsed);
        let second = take(db, &lapsed, "two").await.unwrap().unwrap();

        // The first was thought dead, and comes back.
        let before = seen(db).await;
        assert!(!renew(db, &first).await.unwrap());
        assert!(!end(db, &first, None).await.unwrap());
        assert!(!give_back(db, &first).await.unwrap());
        assert_eq!(seen(db).await, before);

        assert!(end(db, &second, Some("nobody at +7 912 345-67-89")).await.unwrap());
        let failed = seen(db).await;
        assert_eq!(failed.last_error.as_deref(), Some("nobody at hidden"));
        assert_eq!((failed.failures, failed.runs, failed.worker.as_deref()), (1, 2, Some("two")));
        assert_eq!(failed.next_at, test.clock.now() + TimeDelta::seconds(10));
        assert!(due(db).await.unwrap().is_empty());

        test.clock.advance(TimeDelta::seconds(10));
        let third = take(db, &seen(db).await, "one").await.unwrap().unwrap();
        assert!(end(db, &third, None).await.unwrap());
        let well = seen(db).await;
        assert_eq!((well.failures, well.last_error, well.owner), (0, None, None));
        assert_eq!(well.next_at, test.clock.now() + EVERY, "the beat of when it was planned last");
        // Another interval, by another version of the program.
        announce(db, "task", TimeDelta::minutes(1)).await.unwrap();
        assert_eq!(Look::at(test.clock.now(), &seen(db).await), Look::TooFar);
        assert!(set_right(db, &seen(db).await).await.unwrap());
        assert_eq!(seen(db).await.next_at, test.clock.now() + TimeDelta::minutes(1));
    }
}

/// What the contenders share.
struct Arena {
    test: TestDb,
    inside: AtomicBool,
    turns: AtomicI64,
    lost: Mutex<Vec<Turn>>,
}

const TURNS: i64 = 60;

/// A process that takes whatever it may. In the middle of a turn it may die, and others learn of it by the clock alone.
async fn contend(arena: Arc<Arena>, name: String) {
    let db = beside(&arena.test, &arena.test.clock).await;
    while arena.turns.load(Ordering::SeqCst) < TURNS {
        let row = seen(&db).await;
        if !matches!(Look::at(db.clock().now(), &row), Look::Due | Look::Lapsed) {
            tokio::task::yield_now().await;
            continue;
        }
        let Some(turn) = take(&db, &row, &name).await.unwrap() else { continue };
        assert!(!arena.inside.swap(true, Ordering::SeqCst), "two have it at once");
        arena.turns.fetch_add(1, Ordering::SeqCst);
        let renewals = rand::rng().random_range(0..4);
        for _ in 0..renewals {
            assert!(renew(&db, &turn).await.unwrap());
        }
        arena.inside.store(false, Ordering::SeqCst);
        if rand::rng().random_bool(0.3) {
            arena.lost.lock().unwrap().push(turn);
            arena.test.clock.advance(LEASE + TimeDelta::microseconds(1));
        } else {
            let failed = rand::rng().random_bool(0.3).then_some("no luck");
            assert!(end(&db, &turn, failed).await.unwrap());
            arena.test.clock.advance(EVERY);
        }
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_contend_one_has_it_and_a_dead_one_is_replaced() {
    for test in databases().await {
        announce(&test.db, "task", EVERY).await.unwrap();
        let arena = Arc::new(Arena {
            test,
            inside: AtomicBool::default(),
            turns: AtomicI64::default(),
            lost: Mutex::default(),
        });
        let contenders: Vec<_> =
            (0..8).map(|n| tokio::spawn(contend(Arc::clone(&arena), format!("process {n}")))).collect();
        for contender in contenders {
            contender.await.unwrap();
        }
        let db = &arena.test.db;
        let before = seen(db).await;
        assert_eq!(before.runs, arena.turns.load(Ordering::SeqCst), "nobody took it twice at once");
        let lost = arena.lost.lock().unwrap().clone();
        assert!(!lost.is_empty(), "some died");
        for turn in lost.iter().filter(|turn| Some(turn.token) != before.owner) {
            assert!(!end(db, turn, None).await.unwrap(), "one that was replaced ends nothing");
        }
        assert_eq!(seen(db).await, before);
    }
}
