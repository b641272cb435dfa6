//! Production calendars as they are published: XML of the days that differ from their week.
//!
//! `<calendar year="2026"><days><day d="01.09" t="1" f="01.03"/>...`: `d` is month and day, `t` is 1 for a day off, 2 for
//! a short day (of any day of the week: a Saturday may be worked in exchange and short), 3 for a weekend that is worked,
//! `f` is where a day off was moved from, `h` a holiday of the list before.

use chrono::NaiveDate;

use super::{DayKind, store::NamedDay};
use crate::{Error, Result, shift::LocalDate};

/// Reads the days of a year.
///
/// # Errors
/// `invalid_field`: not XML, of another year, or a day that cannot be read, by its place in the list.
pub fn parse(text: &str, year: i32) -> Result<Vec<NamedDay>> {
    let text = text.trim_start_matches('\u{feff}');
    let document = roxmltree::Document::parse(text)
        .map_err(|fault| Error::field("body", format!("is not XML of a production calendar: {fault}")))?;
    let root = document.root_element();
    if !root.has_tag_name("calendar") {
        return Err(Error::field("calendar", "the root element must be calendar"));
    }
    let given = root.attribute("year").unwrap_or_default();
    if given.trim().parse() != Ok(year) {
        return Err(Error::field("calendar.year", format!("{given:?} is not {year}")));
    }
    root.descendants()
        .filter(|node| node.has_tag_name("day"))
        .enumerate()
        .map(|(index, node)| {
            let field = |name: &str| format!("days[{index}].{name}");
            let date = |name: &str, text: &str| {
                month_day(text, year).ok_or_else(|| {
                    Error::field(field(name), format!("{text:?} is no day of {year}, such as 01.09"))
                })
            };
            let kind = match node.attribute("t").unwrap_or_default() {
                "1" => DayKind::Off,
                "2" => DayKind::Short,
                "3" => DayKind::Working,
                other => {
                    let what = format!("{other:?} is none of 1 (off), 2 (short), 3 (worked weekend)");
                    return Err(Error::field(field("t"), what));
                }
            };
            Ok(NamedDay {
                date: date("d", node.attribute("d").unwrap_or_default())?,
                kind,
                moved_from: node.attribute("f").map(|from| date("f", from)).transpose()?,
            })
        })
        .collect()
}

fn month_day(text: &str, year: i32) -> Option<LocalDate> {
    let (month, day) = text.split_once('.')?;
    let number = |text: &str| {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().ok())?
    };
    let date = NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)?;
    date.to_string().parse().ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The calendar of Russia of 2026.
    pub(in super::super) const YEAR_2026: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<calendar year="2026" lang="ru" country="ru">
<holidays><holiday id="1" title="Новогодние каникулы"/></holidays>
<days>
<day d="01.01" t="1" h="1"/><day d="01.02" t="1" h="1"/><day d="01.03" t="1" h="1"/><day d="01.04" t="1" h="1"/>
<day d="01.05" t="1" h="1"/><day d="01.06" t="1" h="1"/><day d="01.07" t="1" h="2"/><day d="01.08" t="1" h="1"/>
<day d="01.09" t="1" f="01.03"/><day d="02.23" t="1" h="3"/><day d="03.08" t="1" h="4"/><day d="03.09" t="1" f="03.08"/>
<day d="04.30" t="2"/><day d="05.01" t="1" h="5"/><day d="05.08" t="2"/><day d="05.09" t="1" h="6"/>
<day d="05.11" t="1" f="05.09"/><day d="06.11" t="2"/><day d="06.12" t="1" h="7"/><day d="11.03" t="2"/>
<day d="11.04" t="1" h="8"/><day d="12.31" t="1" f="01.04"/>
</days></calendar>"#;

    /// That of 2024, with weekends that were worked in exchange, one of them short.
    pub(in super::super) const YEAR_2024: &str = r#"<calendar year="2024"><days>
<day d="01.01" t="1"/><day d="01.02" t="1"/><day d="01.03" t="1"/><day d="01.04" t="1"/><day d="01.05" t="1"/>
<day d="01.06" t="1"/><day d="01.07" t="1"/><day d="01.08" t="1"/><day d="02.22" t="2"/><day d="02.23" t="1"/>
<day d="03.07" t="2"/><day d="03.08" t="1"/><day d="04.27" t="3"/><day d="04.29" t="1" f="04.27"/>
<day d="04.30" t="1" f="11.02"/><day d="05.01" t="1"/><day d="05.08" t="2"/><day d="05.09" t="1"/>
<day d="05.10" t="1" f="01.06"/><day d="06.11" t="2"/><day d="06.12" t="1"/><day d="11.02" t="2"/>
<day d="11.04" t="1"/><day d="12.28" t="3"/><day d="12.30" t="1" f="12.28"/><day d="12.31" t="1" f="01.07"/>
</days></calendar>"#;

    #[test]
    fn the_published_form_is_read() {
        let days = parse(YEAR_2026, 2026).unwrap();
        assert_eq!(days.len(), 22);
        let moved = NamedDay {
            date: "2026-01-09".parse().unwrap(),
            kind: DayKind::Off,
            moved_from: Some("2026-01-03".parse().unwrap()),
        };
        assert_eq!(days[8], moved);
        assert_eq!(days[12].kind, DayKind::Short);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let calendar = |day: &str| {
            format!(r#"<calendar year="2026"><days><day d="01.01" t="1"/>{day}</days></calendar>"#)
        };
        for (text, field) in [
            (String::new(), "body"),
            ("<calendar year='2026'>".to_owned(), "body"),
            ("<days/>".to_owned(), "calendar"),
            (YEAR_2024.to_owned(), "calendar.year"),
            ("<calendar/>".to_owned(), "calendar.year"),
            (calendar(r#"<day d="01.02" t="4"/>"#), "days[1].t"),
            (calendar(r#"<day d="01.02"/>"#), "days[1].t"),
            (calendar(r#"<day d="02.29" t="1"/>"#), "days[1].d"),
            (calendar(r#"<day d="1.2" t="1"/>"#), "days[1].d"),
            (calendar(r#"<day t="1"/>"#), "days[1].d"),
            (calendar(r#"<day d="01.02" t="1" f="13.01"/>"#), "days[1].f"),
            (r#"<!DOCTYPE c [<!ENTITY a "aaaa">]><calendar year="2026">&a;</calendar>"#.to_owned(), "body"),
        ] {
            let error = parse(&text, 2026).unwrap_err();
            assert_eq!(error.fields()[0].field, field, "{text}");
        }
    }
}
