//! What a slot says to its reader, in his language.

use chrono::{Datelike, TimeDelta};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Time, calendar::Span, people::locale::Locale, text::when};

/// Why a time stands where it does in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The work ends within the term.
    InTerm,
    /// It ends after the term.
    Late,
    /// Within the time that the resident wished.
    InWished,
    /// Outside it.
    OutsideWished,
    /// Just before or after he is in the same building.
    SameBuilding,
    /// Nobody has less to do on that day.
    LightestDay,
    /// How far he has to go.
    Distance,
    /// He has less to do than others in these days.
    Fair,
    /// The emergency reserve of his shift.
    Reserve,
    /// He is on call.
    OnCall,
}

/// A reason in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotReason {
    /// Which one.
    pub code: ReasonCode,
    /// In words.
    pub text: String,
}

/// A reason with what its words need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reason {
    InTerm(Time),
    Late(i64),
    InWished,
    OutsideWished,
    SameBuilding(Time),
    LightestDay(i64),
    Distance { metres: f64, minutes: i64 },
    Fair,
    Reserve,
    OnCall,
}

impl Reason {
    pub(crate) fn tell(self, locale: Locale, zone: Tz) -> SlotReason {
        let ru = locale == Locale::Ru;
        let pick = |russian: &str, english: &str| if ru { russian.to_owned() } else { english.to_owned() };
        let (code, text) = match self {
            Self::InTerm(term) => {
                let term = moment(locale, term, zone);
                let text =
                    if ru { format!("в срок: до {term}") } else { format!("within the term, {term}") };
                (ReasonCode::InTerm, text)
            }
            Self::Late(seconds) => {
                let late = length(locale, (seconds + 59) / 60);
                let text = if ru {
                    format!("позже срока на {late}")
                } else {
                    format!("{late} after the term")
                };
                (ReasonCode::Late, text)
            }
            Self::InWished => (ReasonCode::InWished, pick("в желаемое время", "at the wished time")),
            Self::OutsideWished => {
                (ReasonCode::OutsideWished, pick("не в желаемое время", "outside the wished time"))
            }
            Self::SameBuilding(at) => {
                let at = when::time(at.with_timezone(&zone).time());
                let text = if ru {
                    format!("в {at} он в этом же доме")
                } else {
                    format!("at {at} he is in the same building")
                };
                (ReasonCode::SameBuilding, text)
            }
            Self::LightestDay(0) => {
                (ReasonCode::LightestDay, pick("день у него свободен", "his day is free"))
            }
            Self::LightestDay(minutes) => {
                let booked = length(locale, minutes);
                let text = if ru {
                    format!("день у него самый свободный: занято {booked}")
                } else {
                    format!("his day is the lightest: {booked} booked")
                };
                (ReasonCode::LightestDay, text)
            }
            Self::Distance { metres, minutes } => {
                let tenths = (metres / 100.0).round() as i64;
                let (whole, tenth) = (tenths / 10, tenths % 10);
                let way = length(locale, minutes);
                let text = if ru {
                    format!("{whole},{tenth} км от соседнего адреса, около {way}")
                } else {
                    format!("{whole}.{tenth} km from the neighbouring visit, about {way}")
                };
                (ReasonCode::Distance, text)
            }
            Self::Fair => {
                (ReasonCode::Fair, pick("загружен меньше других", "has less to do than the others"))
            }
            Self::Reserve => (ReasonCode::Reserve, pick("аварийный резерв смены", "the emergency reserve")),
            Self::OnCall => (ReasonCode::OnCall, pick("дежурит вне смены", "is on call")),
        };
        SlotReason { code, text }
    }
}

/// «2 ч 30 мин».
pub(crate) fn length(locale: Locale, minutes: i64) -> String {
    let (hour, minute) = match locale {
        Locale::Ru => ("ч", "мин"),
        Locale::En => ("h", "min"),
    };
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (hours, rest) {
        (0, rest) => format!("{rest} {minute}"),
        (hours, 0) => format!("{hours} {hour}"),
        (hours, rest) => format!("{hours} {hour} {rest} {minute}"),
    }
}

/// «3 марта в 14:00», `3 March at 14:00`.
pub(crate) fn moment(locale: Locale, at: Time, zone: Tz) -> String {
    match locale {
        Locale::Ru => when::moment(at, zone),
        Locale::En => {
            let local = at.with_timezone(&zone);
            format!("{} at {}", english_day(local.date_naive()), when::time(local.time()))
        }
    }
}

/// «3 марта с 14:00 до 16:00», `3 March, 14:00 to 16:00`.
pub(crate) fn period(locale: Locale, span: Span, zone: Tz) -> String {
    if locale == Locale::Ru {
        return when::span(span.start, span.end, zone);
    }
    let (start, end) = (span.start.with_timezone(&zone), span.end.with_timezone(&zone));
    let from = format!("{}, {}", english_day(start.date_naive()), when::time(start.time()));
    if start.date_naive() == end.date_naive() {
        format!("{from} to {}", when::time(end.time()))
    } else {
        format!("{from} to {}, {}", english_day(end.date_naive()), when::time(end.time()))
    }
}

fn english_day(date: chrono::NaiveDate) -> String {
    format!("{} {}", date.day(), date.format("%B"))
}

/// The sentence the dispatcher reads while he offers a time.
pub(crate) fn offer(locale: Locale, window: Span, names: &[String], term: Option<Time>, zone: Tz) -> String {
    let (period, names) = (period(locale, window, zone), names.join(", "));
    let term = term.map(|term| moment(locale, term, zone));
    match (locale, term) {
        (Locale::Ru, Some(term)) => format!("Можем прийти {period}: {names}. Плановый срок: {term}."),
        (Locale::Ru, None) => format!("Можем прийти {period}: {names}."),
        (Locale::En, Some(term)) => format!("We can come on {period}: {names}. The term is {term}."),
        (Locale::En, None) => format!("We can come on {period}: {names}."),
    }
}

/// What is said where nothing is free.
pub(crate) fn nothing(locale: Locale, until: Time, zone: Tz) -> String {
    let until = moment(locale, until, zone);
    match locale {
        Locale::Ru => format!("Свободного времени до {until} нет."),
        Locale::En => format!("Nothing is free before {until}."),
    }
}

/// The sentence on a time that is kept for a while.
pub(crate) fn kept(locale: Locale, window: Span, names: &[String], until: Time, zone: Tz) -> String {
    let (period, names) = (period(locale, window, zone), names.join(", "));
    let until = until.with_timezone(&zone) + TimeDelta::zero();
    let until = until.format("%H:%M:%S");
    match locale {
        Locale::Ru => format!("Время придержано до {until}: {period}, {names}."),
        Locale::En => format!("Kept until {until}: {period}, {names}."),
    }
}

/// The sentence on a proposal that makes room.
pub(crate) fn displaces(locale: Locale, offer: &str, moves: usize, told: usize) -> String {
    match (locale, moves) {
        (_, 0) => offer.to_owned(),
        (Locale::Ru, _) => format!("{offer} Переносится визитов: {moves}, известить жителей: {told}."),
        (Locale::En, _) => format!("{offer} Visits that give way: {moves}, residents to be told: {told}."),
    }
}

/// What is said where no room can be made.
pub(crate) fn no_room(locale: Locale) -> String {
    match locale {
        Locale::Ru => "Освободить время нельзя: свободных смен, резерва и дежурных нет.".to_owned(),
        Locale::En => "No room can be made: no shift, reserve or duty has time.".to_owned(),
    }
}

/// The sentence on a day that is planned anew.
pub(crate) fn repair(locale: Locale, booked: usize, moved: usize, left: usize) -> String {
    match (locale, booked + moved + left) {
        (Locale::Ru, 0) => "Переносить нечего.".to_owned(),
        (Locale::En, 0) => "There is nothing to move.".to_owned(),
        (Locale::Ru, _) => {
            format!("Назначить заново: {booked}, перенести: {moved}, останется без времени: {left}.")
        }
        (Locale::En, _) => {
            format!("To be booked again: {booked}, moved: {moved}, left without a time: {left}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_speak_two_languages() {
        let zone = Tz::Europe__Moscow;
        let at: Time = "2026-03-02T11:00:00Z".parse().unwrap();
        let told = |reason: Reason, locale| reason.tell(locale, zone).text;
        assert_eq!(told(Reason::SameBuilding(at), Locale::Ru), "в 14:00 он в этом же доме");
        assert_eq!(told(Reason::InTerm(at), Locale::Ru), "в срок: до 2 марта в 14:00");
        assert_eq!(told(Reason::InTerm(at), Locale::En), "within the term, 2 March at 14:00");
        assert_eq!(told(Reason::Late(5_401), Locale::Ru), "позже срока на 1 ч 31 мин");
        assert_eq!(
            told(Reason::Distance { metres: 2_340.0, minutes: 7 }, Locale::Ru),
            "2,3 км от соседнего адреса, около 7 мин"
        );
    }
}
