//! Days and hours as a Russian reader says them.

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

const MONTHS: [&str; 12] = [
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
];

/// «3 марта в 14:00» by the clock of a zone.
pub fn moment(at: DateTime<Utc>, zone: Tz) -> String {
    let local = at.with_timezone(&zone);
    format!("{} в {}", day(local.date_naive()), time(local.time()))
}

/// «3 марта с 14:00 до 16:00», or both days where they differ.
pub fn span(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz) -> String {
    let (start, end) = (start.with_timezone(&zone), end.with_timezone(&zone));
    if start.date_naive() == end.date_naive() {
        return format!("{} с {} до {}", day(start.date_naive()), time(start.time()), time(end.time()));
    }
    format!(
        "с {} {} до {} {}",
        time(start.time()),
        day(start.date_naive()),
        time(end.time()),
        day(end.date_naive())
    )
}

/// «3 марта».
pub fn day(date: chrono::NaiveDate) -> String {
    format!("{} {}", date.day(), MONTHS[date.month0() as usize])
}

/// «14:00».
pub fn time(time: chrono::NaiveTime) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}
