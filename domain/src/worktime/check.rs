//! What a production calendar of a year must be to be taken.
//!
//! A file names only the days that differ from their week, so it cannot show by itself that something is missing. What
//! can be known is checked: the public holidays of article 112 of the Labour Code are off in every calendar of the
//! country, and a Saturday or Sunday is worked only in exchange for a day off that names it. A calendar without these is
//! one with holes or contradictions and is refused as a whole, naming the days. A year of which nothing was imported is a
//! hole of another kind: its days are worked from Monday to Friday until its calendar comes, which then counts every open
//! term anew.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};

use super::{DayKind, store::NamedDay};
use crate::{Error, Result};

/// The public holidays of article 112 of the Labour Code: month, first day, last day.
const HOLIDAYS: [(u32, u32, u32); 7] =
    [(1, 1, 8), (2, 23, 23), (3, 8, 8), (5, 1, 1), (5, 9, 9), (6, 12, 12), (11, 4, 4)];

/// Since when they are these.
const HOLIDAYS_SINCE: i32 = 2013;

fn is_holiday(date: NaiveDate) -> bool {
    date.year() >= HOLIDAYS_SINCE
        && HOLIDAYS
            .iter()
            .any(|(month, first, last)| date.month() == *month && (*first..=*last).contains(&date.day()))
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// Checks the days of a year. The days of a region come over those of the country, so that anything may differ in them.
///
/// # Errors
/// `invalid_field` naming the day and what is wrong with it; `missing` lists the holes.
pub(super) fn check(year: i32, of_region: bool, days: &[NamedDay]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for (index, day) in days.iter().enumerate() {
        let date = day.date.naive();
        let fault = |field: &str, what: &str| Err(Error::field(format!("days[{index}].{field}"), what));
        if date.year() != year {
            return fault("date", &format!("{date} is not a day of {year}"));
        }
        if seen.insert(date, day.kind).is_some() {
            return fault("date", &format!("{date} is named twice"));
        }
        match day.moved_from {
            Some(from) if day.kind != DayKind::Off => {
                return fault("moved_from", &format!("only a day off is moved: {date}, from {from}"));
            }
            Some(from) if from == day.date => {
                return fault("moved_from", &format!("{date} cannot be moved from itself"));
            }
            Some(from) if days[..index].iter().any(|other| other.moved_from == Some(from)) => {
                return fault("moved_from", &format!("one day is moved from {from}, not several"));
            }
            _ => {}
        }
        if of_region {
            continue;
        }
        if day.kind != DayKind::Off && is_holiday(date) {
            return fault("kind", &format!("{date} is a public holiday (article 112 of the Labour Code)"));
        }
        if day.kind == DayKind::Working && !is_weekend(date) {
            return fault("kind", &format!("{date} is worked anyway: only a Saturday or Sunday is named so"));
        }
        let exchanged = days.iter().any(|off| off.moved_from == Some(day.date));
        if day.kind != DayKind::Off && is_weekend(date) && !exchanged {
            let what = if day.kind == DayKind::Short { "a shortened weekend" } else { "a worked weekend" };
            return fault("kind", &format!("{date} is {what}, but no day off is moved from it"));
        }
    }
    if of_region { Ok(()) } else { check_holidays(year, &seen) }
}

fn check_holidays(year: i32, seen: &BTreeMap<NaiveDate, DayKind>) -> Result<()> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1);
    let missing: Vec<String> = first
        .into_iter()
        .flat_map(|first| first.iter_days())
        .take_while(|date| date.year() == year)
        .filter(|date| is_holiday(*date) && !is_weekend(*date) && seen.get(date) != Some(&DayKind::Off))
        .map(|date| date.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what =
        format!("a calendar with holes: {} must be off (article 112 of the Labour Code)", missing.join(", "));
    Err(Error::field("days", what).with("missing", missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worktime::xml;

    fn of(year: i32, of_region: bool, rows: &[(&str, DayKind, Option<&str>)]) -> Result<()> {
        let days: Vec<NamedDay> = rows
            .iter()
            .map(|(date, kind, from)| NamedDay {
                date: date.parse().unwrap(),
                kind: *kind,
                moved_from: from.map(|from| from.parse().unwrap()),
            })
            .collect();
        check(year, of_region, &days)
    }

    fn refused(outcome: Result<()>) -> (String, String) {
        let error = outcome.unwrap_err();
        (error.fields()[0].field.clone(), error.fields()[0].message.clone())
    }

    #[test]
    fn real_calendars_are_taken() {
        check(2026, false, &xml::parse(xml::tests::YEAR_2026, 2026).unwrap()).unwrap();
        check(2024, false, &xml::parse(xml::tests::YEAR_2024, 2024).unwrap()).unwrap();
    }

    #[test]
    fn contradictions_are_named() {
        use DayKind::{Off, Short, Working};
        for (rows, field, words) in [
            (vec![("2025-12-31", Off, None)], "days[0].date", "2025-12-31 is not a day of 2026"),
            (
                vec![("2026-05-11", Off, None), ("2026-05-11", Short, None)],
                "days[1].date",
                "2026-05-11 is named twice",
            ),
            (vec![("2026-05-12", Working, None)], "days[0].kind", "2026-05-12 is worked anyway"),
            (vec![("2026-05-16", Short, None)], "days[0].kind", "a shortened weekend"),
            (vec![("2026-05-16", Working, None)], "days[0].kind", "a worked weekend"),
            (vec![("2026-05-01", Short, None)], "days[0].kind", "2026-05-01 is a public holiday"),
            (vec![("2026-05-12", Short, Some("2026-05-16"))], "days[0].moved_from", "only a day off"),
            (vec![("2026-05-12", Off, Some("2026-05-12"))], "days[0].moved_from", "from itself"),
            (
                vec![("2026-05-11", Off, Some("2026-05-16")), ("2026-05-12", Off, Some("2026-05-16"))],
                "days[1].moved_from",
                "one day is moved from 2026-05-16",
            ),
        ] {
            let (found, message) = refused(of(2026, false, &rows));
            assert_eq!(found, field);
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn holes_are_named() {
        let error = of(2026, false, &[("2026-01-01", DayKind::Off, None)]).unwrap_err();
        let missing = error.details()["missing"].as_array().unwrap().clone();
        // 3, 4 January, 8 March and 9 May 2026 are weekends.
        assert_eq!(missing.len(), 14 - 1 - 4);
        assert!(missing.contains(&"2026-06-12".into()));
        assert_eq!(refused(Err(error)).0, "days");
    }

    #[test]
    fn a_region_may_differ_in_anything_but_its_year() {
        use DayKind::{Off, Working};
        of(2026, true, &[("2026-05-27", Off, None), ("2026-03-09", Working, None)]).unwrap();
        assert!(of(2026, true, &[("2027-05-27", Off, None)]).is_err());
    }
}
