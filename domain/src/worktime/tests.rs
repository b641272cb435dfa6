//! Work time by example and against a slow model.

mod days;
mod model;
mod terms;

use proptest::prelude::*;

use super::*;

/// Zones with every kind of trouble: changes at midnight, of half an hour, of a whole day, by law.
fn zones() -> impl Strategy<Value = chrono_tz::Tz> {
    prop::sample::select(vec![
        chrono_tz::UTC,
        chrono_tz::Europe::Moscow,
        chrono_tz::Europe::Kaliningrad,
        chrono_tz::Europe::Samara,
        chrono_tz::Europe::Volgograd,
        chrono_tz::Asia::Kamchatka,
        chrono_tz::Asia::Magadan,
        chrono_tz::Europe::Berlin,
        chrono_tz::America::Havana,
        chrono_tz::America::Sao_Paulo,
        chrono_tz::Australia::Lord_Howe,
        chrono_tz::Pacific::Apia,
        chrono_tz::Asia::Pyongyang,
        chrono_tz::Asia::Gaza,
    ])
}

fn clocks() -> impl Strategy<Value = crate::catalogue::Clock> {
    prop::sample::select(vec![
        "always",
        "08:00-23:00",
        "00:00-03:00",
        "01:30-02:30",
        "23:00-24:00",
        "Mo-Fr 09:00-18:00; Sa 11:00-18:00",
        "Mo-Fr 09:00-13:00; Mo-Th 14:00-18:00; Fr 14:00-14:30",
        "Su 00:30-02:15; Su 02:45-23:30; We 02:00-03:00",
    ])
    .prop_map(|text| crate::catalogue::Clock::parse(text).unwrap())
}

fn amounts() -> impl Strategy<Value = crate::catalogue::Amount> {
    use crate::catalogue::{Amount, Unit};
    prop_oneof![
        (0u32..400_000).prop_map(|n| Amount::new(n, Unit::Seconds).unwrap()),
        (0u32..15).prop_map(|n| Amount::new(n, Unit::Days).unwrap()),
        (0u32..15).prop_map(|n| Amount::new(n, Unit::WorkingDays).unwrap()),
    ]
}

/// From 2011, when Samoa left out a day and Russia changed its zones, to 2027; half of them near a change of clocks.
fn starts() -> impl Strategy<Value = i64> {
    let changes = prop::sample::select(vec![
        1_301_180_400i64, // Moscow and Kaliningrad, March 2011: summer time for good
        1_325_239_200,    // Apia, December 2011
        1_414_270_800,    // Russia, October 2014: winter time for good
        1_439_566_200,    // Pyongyang, August 2015: half an hour back at midnight
        1_461_427_200,    // Magadan, April 2016
        1_519_441_200,    // Sao Paulo, February 2018
        1_541_300_400,    // Sao Paulo, November 2018
        1_601_420_400,    // Lord Howe, October 2020
        1_609_016_400,    // Volgograd, December 2020
        1_774_746_000,    // Berlin, March 2026
        1_792_890_000,    // Berlin, October 2026
        1_793_509_200,    // Havana, November 2026
    ]);
    prop_oneof![1_300_000_000i64..1_820_000_000, (changes, -100_000i64..100_000).prop_map(|(t, d)| t + d)]
}

fn instant_of(seconds: i64) -> crate::Time {
    chrono::DateTime::from_timestamp(seconds, 0).unwrap()
}
