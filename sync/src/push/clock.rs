//! When a recorded act took place: by the monotonic clock of the device within one start of it, else by its wall clock
//! put right by the difference to ours. Never after the receipt; the act itself keeps it from being before what it follows.

use chrono::{DateTime, TimeDelta, Utc};
use naryad_domain::{calendar::is_plausible, write::Occurred};

use super::{Batch, PushedMutation};

/// A difference between the device's word and the best knowledge from which on it is told, in seconds.
pub(crate) const DRIFT: TimeDelta = TimeDelta::minutes(5);

/// The device's word and the best knowledge, for an act that was received at `received`.
pub(super) fn occurred(batch: &Batch, act: &PushedMutation, received: DateTime<Utc>) -> Occurred {
    let corrected = by_uptime(batch, act, received)
        .or_else(|| by_clock(batch, act, received))
        .filter(|at| is_plausible(*at))
        .unwrap_or(received)
        .min(received);
    let device = if is_plausible(act.occurred_at) { act.occurred_at } else { corrected };
    Occurred { device, corrected }
}

fn by_uptime(batch: &Batch, act: &PushedMutation, received: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let same = act.boot_id.is_none_or(|boot| boot == batch.boot_id);
    let ago = batch.mono_ms.checked_sub(act.mono_ms.filter(|mono| same && *mono >= 0)?)?;
    if ago < 0 {
        return None;
    }
    received.checked_sub_signed(TimeDelta::try_milliseconds(ago)?)
}

fn by_clock(batch: &Batch, act: &PushedMutation, received: DateTime<Utc>) -> Option<DateTime<Utc>> {
    act.occurred_at.checked_add_signed(received.signed_duration_since(batch.device_now))
}

/// Whether the device's clock was wrong enough to be told.
pub(crate) fn drifted(occurred: Occurred) -> bool {
    (occurred.device - occurred.corrected).abs() > DRIFT
}

#[cfg(test)]
mod tests {
    use naryad_domain::id::{MutationId, StreamId};
    use proptest::prelude::*;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-02T09:00:00Z".parse().unwrap()
    }

    fn batch(device_now: DateTime<Utc>, mono_ms: i64) -> Batch {
        let boot_id = Uuid::from_u128(1);
        Batch {
            stream: StreamId(Uuid::nil()),
            device_now,
            boot_id,
            mono_ms,
            waiting: None,
            app_version: None,
            items: Vec::new(),
        }
    }

    fn act(occurred_at: DateTime<Utc>, boot: Option<u128>, mono_ms: Option<i64>) -> PushedMutation {
        PushedMutation {
            seq: 1,
            id: MutationId(Uuid::nil()),
            kind: "visit.start".to_owned(),
            schema: 1,
            ticket_id: None,
            base_version: None,
            occurred_at,
            boot_id: boot.map(Uuid::from_u128),
            mono_ms,
            args: Value::Null,
        }
    }

    proptest! {
        #[test]
        fn whatever_the_clock_of_the_device_shows_the_time_is_known_to_the_millisecond(
            wrong_s in -400_000_000_i64..400_000_000, ago_ms in 0_i64..10_000_000, reset_s in -400_000_000_i64..400_000_000,
        ) {
            // Within one start the wall clock may even be set in between.
            let truth = noon() - TimeDelta::milliseconds(ago_ms);
            let shown = truth + TimeDelta::seconds(wrong_s);
            let pushed = batch(noon() + TimeDelta::seconds(reset_s), 20_000_000);
            let found = occurred(&pushed, &act(shown, Some(1), Some(20_000_000 - ago_ms)), noon());
            prop_assert_eq!(found.corrected, truth);
            // Over a restart the difference of the clocks is all that is known.
            let pushed = batch(noon() + TimeDelta::seconds(wrong_s), 5);
            let found = occurred(&pushed, &act(shown, Some(2), Some(7)), noon());
            prop_assert_eq!(found.corrected, truth);
            prop_assert_eq!(drifted(found), wrong_s.abs() > 300);
        }

        #[test]
        fn nothing_took_place_after_it_was_received(
            at in -100_000_000_000_i64..200_000_000_000, shown in -100_000_000_000_i64..200_000_000_000,
            mono in any::<i64>(), now in any::<i64>(), boot in prop::option::of(0..3_u128),
        ) {
            let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
            let found = occurred(&batch(time(shown), now), &act(time(at), boot, Some(mono)), noon());
            prop_assert!(found.corrected <= noon() && is_plausible(found.corrected) && is_plausible(found.device));
        }
    }
}
