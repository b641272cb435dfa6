//! The guard keeps its word whatever comes in whatever order; the shared helpers say one thing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use futures_util::{FutureExt, future::join_all};
use naryad_domain::{Clock, Time, channel::SendError, clock::ManualClock};
use proptest::prelude::*;
use tokio::sync::watch;

use super::{
    answer::pause,
    breaker::{Breaker, Change, End, FAILURES, FIRST, LONGEST, PROBED, Ticket},
    rate::{PATIENCE, Rate, Stopwatch},
    *,
};

/// A stopwatch that is moved by hand; clones are the same one.
#[derive(Clone, Debug)]
struct HandWatch(watch::Sender<Duration>);

impl HandWatch {
    fn new() -> Self {
        Self(watch::Sender::new(Duration::ZERO))
    }

    fn advance(&self, by: Duration) {
        self.0.send_modify(|shown| *shown += by);
    }
}

#[async_trait::async_trait]
impl Stopwatch for HandWatch {
    fn shows(&self) -> Duration {
        *self.0.borrow()
    }

    async fn until(&self, then: Duration) {
        let _ = self.0.subscribe().wait_for(|shown| *shown >= then).await;
    }
}

fn morning() -> Time {
    "2026-03-02T06:00:00Z".parse().unwrap()
}

/// A guard with its clock, which nobody waits for a turn at.
fn guard() -> (Guard, ManualClock) {
    let clock = ManualClock::at(morning());
    (Guard::with("test", u32::MAX, Arc::new(clock.clone()), Box::new(HandWatch::new())), clock)
}

async fn down() -> Result<(), SendError> {
    Err(SendError::Down("gone".to_owned()))
}

fn busy(seconds: i64) -> Result<(), SendError> {
    Err(SendError::Busy { retry_after: Some(TimeDelta::seconds(seconds)) })
}

/// A call that must not be let through.
async fn never() -> Result<(), SendError> {
    panic!("the guard let a call through");
}

#[tokio::test]
async fn five_failures_in_a_row_open_it_and_each_probe_that_fails_doubles_the_pause() {
    let (guard, clock) = guard();
    for _ in 0..4 {
        assert!(guard.call(down()).await.is_err());
    }
    // A refusal is an answer: the row begins anew.
    assert_eq!(guard.call(async { Err::<(), _>(SendError::Dead) }).await, Err(SendError::Dead));
    for _ in 0..5 {
        assert_eq!(guard.call(down()).await, down().await);
    }
    assert_eq!(guard.call(never()).await, busy(30));
    for pause in [30, 60, 120, 240, 300, 300] {
        clock.advance(TimeDelta::seconds(pause - 1));
        assert_eq!(guard.call(never()).await, busy(1), "{pause}");
        clock.advance(TimeDelta::seconds(1));
        assert_eq!(guard.call(down()).await, down().await, "the probe after {pause}");
    }
    clock.advance(TimeDelta::seconds(300));
    assert_eq!(guard.call(async { Ok(7) }).await, Ok(7));
    for _ in 0..5 {
        assert_eq!(guard.call(down()).await, down().await);
    }
    assert_eq!(guard.call(never()).await, busy(30), "the pause is the first again");
}

#[tokio::test]
async fn one_probe_at_a_time_and_one_that_is_abandoned_makes_room() {
    let (guard, clock) = guard();
    for _ in 0..5 {
        let _ = guard.call(down()).await;
    }
    clock.advance(FIRST);
    let mut probe = Box::pin(guard.call(std::future::pending::<Result<(), SendError>>()));
    assert!(probe.as_mut().now_or_never().is_none());
    assert_eq!(guard.call(never()).await, busy(PROBED.num_seconds()));
    drop(probe);
    assert_eq!(guard.call(async { Ok(()) }).await, Ok(()));
    assert_eq!(guard.call(async { Ok(()) }).await, Ok(()));
}

#[tokio::test]
async fn a_clock_that_is_set_back_prolongs_no_pause() {
    let (guard, clock) = guard();
    for _ in 0..5 {
        let _ = guard.call(down()).await;
    }
    clock.advance(TimeDelta::hours(-3));
    assert_eq!(guard.call(never()).await, busy(30));
    clock.advance(FIRST);
    assert_eq!(guard.call(async { Ok(()) }).await, Ok(()));
}

#[tokio::test]
async fn too_long_a_line_is_told_to_come_later_and_nothing_was_begun() {
    let (clock, stopwatch) = (ManualClock::at(morning()), HandWatch::new());
    let guard = Guard::with("test", 2, Arc::new(clock), Box::new(stopwatch.clone()));
    let begun = AtomicUsize::new(0);
    let all = join_all((0..20).map(|_| {
        guard.call(async {
            begun.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
    }));
    let mut all = Box::pin(all);
    let mut told = all.as_mut().now_or_never();
    for second in 0..10 {
        let due = 2 * (1 + usize::try_from(second).unwrap()).min(6);
        assert!(begun.load(Ordering::Relaxed) <= due, "at {second} s");
        stopwatch.advance(Duration::from_secs(1));
        told = told.or_else(|| all.as_mut().now_or_never());
    }
    let told = told.unwrap();
    let taken = told.iter().filter(|one| one.is_ok()).count();
    assert_eq!(begun.load(Ordering::Relaxed), taken);
    assert!((10..=12).contains(&taken), "{taken} in {PATIENCE:?}");
    assert!(told.iter().all(|one| one.is_ok() || *one == busy(5)));
}

#[tokio::test]
async fn who_goes_away_while_waiting_takes_nobodys_turn() {
    let stopwatch = HandWatch::new();
    let rate = Rate::new(1, Box::new(stopwatch.clone()));
    rate.turn().await.unwrap();
    let mut first = Box::pin(rate.turn());
    let mut second = Box::pin(rate.turn());
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    stopwatch.advance(Duration::from_secs(1));
    assert_eq!(second.as_mut().now_or_never(), Some(Ok(())));
}

#[derive(Clone, Debug)]
enum Step {
    Pass(i64),
    Enter,
    /// The call of this place in the line of those under way.
    End(usize, End),
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![3 => Just(End::Failed), 1 => Just(End::Answered), 1 => Just(End::Abandoned)];
    prop_oneof![
        2 => prop_oneof![-5..60_i64, 250..310_i64].prop_map(Step::Pass),
        4 => Just(Step::Enter),
        4 => (0..8_usize, end).prop_map(|(place, end)| Step::End(place, end)),
    ]
}

proptest! {
    /// Whatever happens in whatever order: it opens at five failures in a row and never before, while it is open nothing
    /// goes through but one probe at a time, no pause is longer than it should be, and only a probe closes it.
    #[test]
    fn the_breaker_keeps_its_word(steps in prop::collection::vec(step(), 1..200)) {
        let clock = ManualClock::at(morning());
        let mut breaker = Breaker::default();
        // Calls under way, and whether each is the probe.
        let mut calls: Vec<(Ticket, bool, u32)> = Vec::new();
        let (mut open, mut round, mut row, mut pause) = (false, 0, 0, FIRST);
        for step in steps {
            let now = clock.now();
            match step {
                Step::Pass(seconds) => clock.advance(TimeDelta::seconds(seconds)),
                Step::Enter => match breaker.enter(now) {
                    Ok(ticket) => {
                        let probes = calls.iter().filter(|(_, probe, _)| *probe).count();
                        prop_assert!(!open || probes == 0, "a second probe");
                        calls.push((ticket, open, round));
                    }
                    Err(left) => {
                        prop_assert!(open, "held back though it is closed");
                        prop_assert!(left > TimeDelta::zero() && left <= pause.max(PROBED));
                    }
                },
                Step::End(place, end) => {
                    if calls.is_empty() { continue }
                    let (ticket, probe, began) = calls.remove(place % calls.len());
                    let change = breaker.end(&ticket, end, now);
                    let expected = match (began == round, open, end) {
                        (true, false, End::Failed) => {
                            row += 1;
                            (row == FAILURES).then(|| { pause = FIRST; Change::Opened(pause) })
                        }
                        (true, false, End::Answered) => { row = 0; None }
                        (true, true, End::Failed) => {
                            prop_assert!(probe);
                            pause = (pause * 2).min(LONGEST);
                            Some(Change::Opened(pause))
                        }
                        (true, true, End::Answered) => { prop_assert!(probe); Some(Change::Closed) }
                        _ => None,
                    };
                    prop_assert_eq!(change, expected);
                    if let Some(change) = change {
                        (open, row) = (change != Change::Closed, 0);
                        round += 1;
                        // What began before says nothing any more, not even that it was the probe.
                        calls.iter_mut().for_each(|(_, probe, _)| *probe = false);
                    }
                }
            }
        }
    }

    /// However callers come and go, no second has more turns than it may.
    #[test]
    fn no_second_has_more_turns_than_it_may(
        per_second in 1..6_u32,
        arrivals in prop::collection::vec((0..900_u64, 0..4_usize, any::<bool>()), 1..60),
    ) {
        let stopwatch = HandWatch::new();
        let rate = Rate::new(per_second, Box::new(stopwatch.clone()));
        let mut waiting = Vec::new();
        let mut given: Vec<Duration> = Vec::new();
        let mut poll = |waiting: &mut Vec<std::pin::Pin<Box<dyn Future<Output = _>>>>| {
            waiting.retain_mut(|turn| match turn.as_mut().now_or_never() {
                Some(Ok(())) => { given.push(stopwatch.shows()); false }
                Some(Err(_)) => false,
                None => true,
            });
        };
        let rate = &rate;
        for (pause, come, leaves) in arrivals {
            for _ in 0..pause / 10 {
                stopwatch.advance(Duration::from_millis(10));
                poll(&mut waiting);
            }
            if leaves {
                drop(waiting.pop());
            }
            for _ in 0..come {
                waiting.push(Box::pin(rate.turn()) as std::pin::Pin<Box<dyn Future<Output = _>>>);
            }
            poll(&mut waiting);
        }
        let most = usize::try_from(per_second).unwrap();
        for (first, last) in given.iter().zip(given.iter().skip(most)) {
            prop_assert!(*last - *first >= Duration::from_secs(1), "{given:?}");
        }
    }

    /// Whatever a header says, a pause is never negative.
    #[test]
    fn a_pause_is_never_negative(text in "\\PC{0,40}") {
        prop_assert!(pause(&text, morning()).is_none_or(|asked| asked >= TimeDelta::zero()));
    }
}

#[test]
fn a_pause_is_seconds_or_a_date() {
    let now = morning();
    for (text, seconds) in [
        ("120", Some(120)),
        ("Mon, 02 Mar 2026 06:01:00 GMT", Some(60)),
        ("Mon, 02 Mar 2026 05:00:00 GMT", Some(0)),
    ] {
        assert_eq!(pause(text, now), seconds.map(TimeDelta::seconds), "{text}");
    }
    for text in ["", "soon", "-5", "1e9"] {
        assert_eq!(pause(text, now), None, "{text}");
    }
}

#[test]
fn keys_go_to_nobody_in_the_clear() {
    for good in ["https://fcm.googleapis.com", "http://127.0.0.1:1", "http://localhost:1/x"] {
        assert!(address("fcm_endpoint", good).is_ok(), "{good}");
    }
    for bad in ["http://fcm.googleapis.com", "ftp://127.0.0.1", "nowhere", "http://127.0.0.1.evil.example"] {
        assert!(address("fcm_endpoint", bad).is_err(), "{bad}");
    }
}
