//! The roster against a model that looks at every minute.

use chrono::{NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::{
    Time,
    calendar::Span,
    catalogue::{Day, DayTime},
    id::{OrganizationId, ShiftExceptionId, ShiftId, TechnicianId},
    shift::{
        ExceptionKind, LocalDate, Roster, ShiftPart, ShiftWindow, WeekShifts, exception,
        roster::{Dated, Schedule, Weekly},
        template,
    },
    testing::noon,
};

const DAY: i64 = 1440;

fn at(text: &str) -> Time {
    text.parse().unwrap()
}

fn weekly(zone: &str, from: LocalDate, to: Option<LocalDate>, week: Vec<WeekShifts>) -> Weekly {
    Weekly {
        zone: zone.parse().unwrap(),
        row: template::Model {
            id: ShiftId(Uuid::nil()),
            organization_id: OrganizationId(Uuid::nil()),
            technician_id: TechnicianId(Uuid::nil()),
            zone: zone.to_owned(),
            valid_from: from,
            valid_to: to,
            week: json!(week),
            version: 1,
            created_at: noon(),
        },
        week,
    }
}

fn dated(zone: &str, date: LocalDate, kind: ExceptionKind, windows: Vec<ShiftWindow>) -> Dated {
    Dated {
        zone: zone.parse().unwrap(),
        row: exception::Model {
            id: ShiftExceptionId(Uuid::nil()),
            organization_id: OrganizationId(Uuid::nil()),
            technician_id: TechnicianId(Uuid::nil()),
            zone: zone.to_owned(),
            on_date: date,
            kind,
            windows: json!(windows),
            reason: String::new(),
            version: 1,
            created_at: noon(),
        },
        windows,
    }
}

fn all_week(window: &serde_json::Value) -> Vec<WeekShifts> {
    let week = json!([{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "windows": [window] }]);
    serde_json::from_value(week).unwrap()
}

fn told(spans: &[Span]) -> Vec<(String, String)> {
    let tell = |at: Time| at.format("%d %H:%M").to_string();
    spans.iter().map(|span| (tell(span.start), tell(span.end))).collect()
}

fn pair(start: &str, end: &str) -> (String, String) {
    (start.to_owned(), end.to_owned())
}

#[test]
fn a_night_shift_keeps_its_wall_clock_over_a_change_of_the_clocks() {
    let week = all_week(&json!({ "from": "22:00", "to": "06:00", "ends_next_day": true }));
    let schedule = Schedule {
        templates: vec![weekly("Europe/Berlin", "2026-01-01".parse().unwrap(), None, week)],
        exceptions: Vec::new(),
    };
    let night = |from: &str, to: &str| told(&schedule.roster(Span { start: at(from), end: at(to) }).open);
    assert_eq!(night("2026-03-27T12:00:00Z", "2026-03-28T12:00:00Z"), [pair("27 21:00", "28 05:00")]);
    // Seven hours in spring, nine in autumn.
    assert_eq!(night("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), [pair("28 21:00", "29 04:00")]);
    assert_eq!(night("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"), [pair("24 20:00", "25 05:00")]);
}

#[test]
fn a_shift_of_24_hours_never_lasts_25() {
    let week = all_week(&json!({ "from": "08:00", "to": "08:00", "ends_next_day": true }));
    let schedule = Schedule {
        templates: vec![weekly(
            "Europe/Berlin",
            "2026-10-24".parse().unwrap(),
            Some("2026-10-24".parse().unwrap()),
            week,
        )],
        exceptions: Vec::new(),
    };
    let roster = schedule.roster(Span { start: at("2026-10-20T00:00:00Z"), end: at("2026-10-30T00:00:00Z") });
    assert_eq!(told(&roster.open), [pair("24 06:00", "25 06:00")]);
}

#[test]
fn breaks_reserve_exceptions_and_calls() {
    let week = serde_json::from_value(json!([{ "days": ["mo", "tu", "we"], "windows": [
        { "from": "09:00", "to": "18:00", "breaks": [{ "from": "13:00", "to": "14:00" }],
          "reserve": [{ "from": "12:00", "to": "15:00" }] },
        { "from": "18:00", "to": "09:00", "ends_next_day": true, "on_call": true },
    ] }]))
    .unwrap();
    let date = |text: &str| text.parse::<LocalDate>().unwrap();
    let window = |from: &str, to: &str| serde_json::from_value(json!({ "from": from, "to": to })).unwrap();
    let mut schedule = Schedule {
        templates: vec![weekly("Europe/Moscow", date("2026-03-02"), None, week)],
        exceptions: Vec::new(),
    };
    let monday = Span { start: at("2026-03-01T21:00:00Z"), end: at("2026-03-02T21:00:00Z") };
    let roster = schedule.roster(monday);
    assert!(roster.kept);
    assert_eq!(told(&roster.open), [pair("02 06:00", "02 10:00"), pair("02 11:00", "02 15:00")]);
    assert_eq!(told(&roster.reserve), [pair("02 09:00", "02 10:00"), pair("02 11:00", "02 12:00")]);
    assert_eq!(told(&roster.on_call), [pair("02 15:00", "02 21:00")]);
    // A booking lies in one shift, not across its break; only an emergency on call.
    let span = |start: &str, end: &str| Span { start: at(start), end: at(end) };
    assert!(roster.covers(span("2026-03-02T06:00:00Z", "2026-03-02T10:00:00Z"), false));
    assert!(!roster.covers(span("2026-03-02T09:30:00Z", "2026-03-02T11:30:00Z"), true));
    assert!(!roster.covers(span("2026-03-02T16:00:00Z", "2026-03-02T17:00:00Z"), false));
    assert!(roster.covers(span("2026-03-02T16:00:00Z", "2026-03-02T17:00:00Z"), true));
    schedule.exceptions = vec![
        dated("Europe/Moscow", date("2026-03-02"), ExceptionKind::Replaced, vec![window("10:00", "12:00")]),
        dated("Europe/Moscow", date("2026-03-03"), ExceptionKind::Removed, Vec::new()),
        dated("Europe/Moscow", date("2026-03-05"), ExceptionKind::Added, vec![window("09:00", "10:00")]),
    ];
    let week = schedule.roster(Span { start: monday.start, end: at("2026-03-08T21:00:00Z") });
    assert_eq!(
        told(&week.open),
        [
            pair("02 07:00", "02 09:00"),
            pair("04 06:00", "04 10:00"),
            pair("04 11:00", "04 15:00"),
            pair("05 06:00", "05 07:00"),
        ]
    );
    assert_eq!(told(&week.on_call), [pair("04 15:00", "05 06:00")]);
    // Before the first template begins nobody keeps a schedule for him.
    assert!(
        !schedule.roster(Span { start: at("2026-02-20T00:00:00Z"), end: at("2026-03-01T21:00:00Z") }).kept
    );
}

/// The first minute at which the clock on the wall shows a time or a later one, found by looking at every minute.
fn first_minute(local: NaiveDateTime, zone: Tz) -> Time {
    let mut minute = local.and_utc() - TimeDelta::hours(27);
    while zone.from_utc_datetime(&minute.naive_utc()).naive_local() < local {
        minute += TimeDelta::minutes(1);
    }
    minute
}

/// Of a minute: work, break, reserve, on call.
type Minute = (bool, bool, bool, bool);

/// The model: every minute of the range is looked at.
fn model(schedule: &Schedule, range: Span) -> Vec<(bool, bool, bool)> {
    let minutes = (range.end - range.start).num_minutes();
    let mut seen = vec![(false, false, false, false); usize::try_from(minutes).unwrap()];
    let mut mark = |from: Time, to: Time, put: &dyn Fn(&mut Minute)| {
        let index = |at: Time| usize::try_from((at - range.start).num_minutes().clamp(0, minutes)).unwrap();
        let (from, to) = (index(from), index(to));
        if from < to {
            seen[from..to].iter_mut().for_each(put);
        }
    };
    let mut add = |window: &ShiftWindow, date: LocalDate, zone: Tz| {
        let wall = |minutes: i64| {
            let midnight = date.naive().and_time(chrono::NaiveTime::MIN);
            first_minute(midnight + TimeDelta::minutes(minutes), zone)
        };
        let from = i64::from(window.from.minutes());
        let to = i64::from(window.to.minutes()) + if window.ends_next_day { DAY } else { 0 };
        let start = wall(from);
        let end = wall(to).min(start + TimeDelta::hours(24));
        if window.on_call {
            mark(start, end, &|minute| minute.3 = true);
            return;
        }
        mark(start, end, &|minute| minute.0 = true);
        let part = |part: &ShiftPart| {
            let mut begin = i64::from(part.from.minutes());
            let mut over = i64::from(part.to.minutes());
            if begin < from {
                begin += DAY;
            }
            if over <= begin {
                over += DAY;
            }
            (wall(begin), wall(over).min(end))
        };
        for (begin, over) in window.breaks.iter().map(part) {
            mark(begin, over, &|minute| minute.1 = true);
        }
        for (begin, over) in window.reserve.iter().map(part) {
            mark(begin, over, &|minute| minute.2 = true);
        }
    };
    let first = LocalDate::of(range.start, Tz::UTC).plus(-5);
    for day in 0..20 {
        let date = first.plus(day);
        let weekday = {
            use chrono::Datelike;
            Day::from(date.naive().weekday())
        };
        let taken = |kind: ExceptionKind| kind != ExceptionKind::Added;
        let gone = schedule.exceptions.iter().any(|e| e.row.on_date == date && taken(e.row.kind));
        for template in schedule.templates.iter().filter(|t| t.row.is_valid_on(date) && !gone) {
            for group in template.week.iter().filter(|group| group.days.contains(&weekday)) {
                group.windows.iter().for_each(|window| add(window, date, template.zone));
            }
        }
        for exception in schedule.exceptions.iter().filter(|e| e.row.on_date == date) {
            exception.windows.iter().for_each(|window| add(window, date, exception.zone));
        }
    }
    seen.into_iter()
        .map(|(work, pause, reserve, call)| {
            let open = work && !pause;
            (open, open && reserve, call && !open)
        })
        .collect()
}

fn by_minute(roster: &Roster, range: Span) -> Vec<(bool, bool, bool)> {
    let minutes = (range.end - range.start).num_minutes();
    (0..minutes)
        .map(|minute| {
            let at = range.start + TimeDelta::minutes(minute);
            let inside = |spans: &[Span]| spans.iter().any(|span| span.start <= at && at < span.end);
            (inside(&roster.open), inside(&roster.reserve), inside(&roster.on_call))
        })
        .collect()
}

fn time(minutes: i64) -> DayTime {
    DayTime::parse(&format!("{:02}:{:02}", minutes / 60, minutes % 60)).unwrap()
}

prop_compose! {
    fn window()(
        from in 0..DAY, length in 1..=DAY, on_call in prop::bool::weighted(0.25),
        parts in prop::collection::vec((0..DAY, 1..180_i64, any::<bool>()), 0..3),
    ) -> ShiftWindow {
        let end = from + length;
        let ends_next_day = end > DAY;
        let to = if ends_next_day { end - DAY } else { end };
        let mut window = ShiftWindow {
            from: time(from), to: time(to), ends_next_day, on_call, breaks: Vec::new(), reserve: Vec::new(),
        };
        for (offset, long, is_break) in parts {
            let begin = from + offset % length;
            let over = (begin + long).min(end);
            if on_call || begin >= over {
                continue;
            }
            let wrap = |minutes: i64| if minutes > DAY { minutes - DAY } else { minutes };
            let begin = if begin >= DAY { begin - DAY } else { begin };
            let part = ShiftPart { from: time(begin), to: time(wrap(over)) };
            if is_break { window.breaks.push(part) } else { window.reserve.push(part) }
        }
        window
    }
}

const ZONES: [&str; 8] = [
    "Europe/Moscow",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kamchatka",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "America/Santiago",
];

/// Days on which clocks change somewhere: in spring, in autumn, and the zone laws of Russia and Samoa.
const TURNS: [&str; 8] = [
    "2026-03-27",
    "2026-10-23",
    "2026-03-06",
    "2026-10-30",
    "2011-12-28",
    "2014-10-24",
    "2026-04-03",
    "2010-03-26",
];

prop_compose! {
    fn schedule()(
        turn in 0..TURNS.len(), zones in prop::collection::vec(0..ZONES.len(), 2),
        week in prop::collection::vec((prop::collection::vec(0..7_u32, 1..4), window()), 0..4),
        begins in -10..3_i64, lasts in 0..14_i64,
        exceptions in prop::collection::btree_map(-2..6_i64, (0..3_u8, window(), window()), 0..3),
    ) -> (Schedule, Span) {
        let zone = |at: usize| ZONES[zones[at]];
        let first: LocalDate = TURNS[turn].parse().unwrap();
        let day = |at: u32| Day::from(chrono::Weekday::try_from(u8::try_from(at).unwrap()).unwrap());
        let week = week
            .into_iter()
            .map(|(days, window)| WeekShifts { days: days.into_iter().map(day).collect(), windows: vec![window] })
            .collect();
        let template = weekly(zone(0), first.plus(begins), Some(first.plus(begins + lasts)), week);
        let exceptions = exceptions
            .into_iter()
            .map(|(at, (kind, one, two))| match kind {
                0 => dated(zone(1), first.plus(at), ExceptionKind::Added, vec![one]),
                1 => dated(zone(1), first.plus(at), ExceptionKind::Replaced, vec![one, two]),
                _ => dated(zone(1), first.plus(at), ExceptionKind::Removed, Vec::new()),
            })
            .collect();
        let range = Span { start: first.at(0, Tz::UTC), end: first.plus(4).at(0, Tz::UTC) };
        (Schedule { templates: vec![template], exceptions }, range)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_roster_is_what_every_minute_says((schedule, range) in schedule()) {
        let roster = schedule.roster(range);
        prop_assert_eq!(by_minute(&roster, range), model(&schedule, range));
        for spans in [&roster.open, &roster.reserve, &roster.on_call] {
            prop_assert!(spans.iter().all(|span| span.start < span.end));
            prop_assert!(spans.windows(2).all(|pair| pair[0].end < pair[1].start), "merged and sorted");
        }
    }
}
