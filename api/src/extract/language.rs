//! In which language the reader wants to be answered.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use naryad_domain::people::locale::Locale;

use crate::problem::Problem;

/// The language of `Accept-Language`: of those spoken here the one that is wanted most; Russian where none is.
#[derive(Clone, Copy, Debug)]
pub struct Language(pub Locale);

impl FromRequest for Language {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let wanted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        ready(Ok(Self(wanted.map(wanted_most).unwrap_or_default())))
    }
}

fn wanted_most(header: &str) -> Locale {
    let mut best: Option<(Locale, f32)> = None;
    for range in header.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let locale = match primary.to_ascii_lowercase().as_str() {
            "ru" => Locale::Ru,
            "en" => Locale::En,
            _ => continue,
        };
        if weight > 0.0 && best.is_none_or(|(_, most)| weight > most) {
            best = Some((locale, weight));
        }
    }
    best.map(|(locale, _)| locale).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_is_wanted_most_and_spoken_here() {
        for (header, expected) in [
            ("en", Locale::En),
            ("en-US,en;q=0.9,ru;q=0.8", Locale::En),
            ("de, ru;q=0.7, en;q=0.3", Locale::Ru),
            ("de", Locale::Ru),
            ("en;q=0", Locale::Ru),
            ("", Locale::Ru),
        ] {
            assert_eq!(wanted_most(header), expected, "{header}");
        }
    }
}
