//! What a photo says of itself (EXIF 2.32). It may lie: nothing here is trusted, it is compared.

use std::io::Cursor;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use exif::{Exif, In, Reader, Tag, Value};

/// The longest name of a maker or a model that is kept, in characters.
const NAME: usize = 60;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// When it was taken by the clock of the camera, in its local time.
    pub taken_local: Option<NaiveDateTime>,
    /// When it was taken, where the file tells the offset from UTC, or the satellites told the time.
    pub taken_at: Option<DateTime<Utc>>,
    /// Where it was taken.
    pub position: Option<GeoPoint>,
    /// How the pixels are to be turned, 1 to 8 (EXIF 2.32, 4.6.4): 1 when nothing sensible is said.
    pub orientation: u8,
    /// Maker and model of the camera.
    pub device: Option<String>,
}

impl Default for Facts {
    fn default() -> Self {
        Self { taken_local: None, taken_at: None, position: None, orientation: 1, device: None }
    }
}

/// A place on earth (WGS 84), in ten-millionths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeoPoint {
    /// North of the equator, from -900,000,000 to 900,000,000.
    pub latitude_e7: i32,
    /// East of Greenwich, from -1,800,000,000 to 1,800,000,000.
    pub longitude_e7: i32,
}

/// Reads what it can; what cannot be read is absent.
pub(crate) fn facts(bytes: &[u8]) -> Facts {
    let mut reader = Reader::new();
    reader.continue_on_error(true);
    let read = reader.read_from_container(&mut Cursor::new(bytes));
    let Ok(exif) = read.or_else(|error| error.distill_partial_result(|_| {})) else {
        return Facts::default();
    };
    let taken_local = moment(&exif, Tag::DateTimeOriginal).or_else(|| moment(&exif, Tag::DateTime));
    let with_offset = || {
        let offset = offset(&exif, Tag::OffsetTimeOriginal).or_else(|| offset(&exif, Tag::OffsetTime))?;
        Some(taken_local?.checked_sub_signed(TimeDelta::seconds(offset.local_minus_utc().into()))?.and_utc())
    };
    Facts {
        taken_at: with_offset().or_else(|| satellite_time(&exif)),
        taken_local,
        position: position(&exif),
        orientation: number(&exif, Tag::Orientation)
            .and_then(|value| u8::try_from(value).ok())
            .filter(|value| (1..=8).contains(value))
            .unwrap_or(1),
        device: device(&exif),
    }
}

fn value(exif: &Exif, tag: Tag) -> Option<&Value> {
    exif.get_field(tag, In::PRIMARY).map(|field| &field.value)
}

fn number(exif: &Exif, tag: Tag) -> Option<u32> {
    value(exif, tag)?.get_uint(0)
}

fn text(exif: &Exif, tag: Tag) -> Option<String> {
    let Value::Ascii(lines) = value(exif, tag)? else { return None };
    let line = lines.first()?;
    let text: String = line
        .iter()
        .take(4 * NAME)
        .map(|byte| char::from(*byte))
        .filter(|letter| letter.is_ascii_graphic() || *letter == ' ')
        .take(NAME)
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Maker and model; the model alone where it begins with the maker.
fn device(exif: &Exif) -> Option<String> {
    match (text(exif, Tag::Make), text(exif, Tag::Model)) {
        (Some(make), Some(model)) if !model.to_lowercase().starts_with(&make.to_lowercase()) => {
            Some(format!("{make} {model}"))
        }
        (make, model) => model.or(make),
    }
}

/// `2026:11:26 12:13:47`; cameras without a clock write blanks or zeros.
fn moment(exif: &Exif, tag: Tag) -> Option<NaiveDateTime> {
    let Value::Ascii(lines) = value(exif, tag)? else { return None };
    let read = exif::DateTime::from_ascii(lines.first()?).ok()?;
    NaiveDate::from_ymd_opt(read.year.into(), read.month.into(), read.day.into())?.and_hms_opt(
        read.hour.into(),
        read.minute.into(),
        read.second.into(),
    )
}

/// `+03:00`.
fn offset(exif: &Exif, tag: Tag) -> Option<FixedOffset> {
    let text = text(exif, tag)?;
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let part = |digits: &str, most: i32| {
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|value| two && *value <= most)
    };
    FixedOffset::east_opt(sign * (part(hours, 14)? * 3600 + part(minutes, 59)? * 60))
}

/// What the satellites told, in UTC.
fn satellite_time(exif: &Exif) -> Option<DateTime<Utc>> {
    let Value::Ascii(lines) = value(exif, Tag::GPSDateStamp)? else { return None };
    let date = std::str::from_utf8(lines.first()?).ok()?;
    let date = NaiveDate::parse_from_str(date.trim_end_matches('\0').trim(), "%Y:%m:%d").ok()?;
    let [hour, minute, second] = three(exif, Tag::GPSTimeStamp)?;
    let whole = |value: f64| {
        // The cast is exact within these bounds.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is checked to be small"
        )]
        (0.0..100.0).contains(&value).then_some(value as u32)
    };
    Some(date.and_hms_opt(whole(hour)?, whole(minute)?, whole(second)?)?.and_utc())
}

/// Three rationals, all finite.
fn three(exif: &Exif, tag: Tag) -> Option<[f64; 3]> {
    let Value::Rational(parts) = value(exif, tag)? else { return None };
    let &[a, b, c] = parts.get(..3)? else { return None };
    let parts = [a.to_f64(), b.to_f64(), c.to_f64()];
    parts.iter().all(|part| part.is_finite()).then_some(parts)
}

fn position(exif: &Exif) -> Option<GeoPoint> {
    let degrees = |tag: Tag, side: Tag, positive: &str, negative: &str, most: f64| {
        let [degrees, minutes, seconds] = three(exif, tag)?;
        let value = degrees + minutes / 60.0 + seconds / 3600.0;
        let side = text(exif, side)?;
        let value = match side.as_str() {
            side if side == positive => value,
            side if side == negative => -value,
            _ => return None,
        };
        // The cast is exact within these bounds.
        #[expect(clippy::cast_possible_truncation, reason = "it is checked to be small")]
        (value.abs() <= most).then_some((value * 1e7).round() as i32)
    };
    let point = GeoPoint {
        latitude_e7: degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, "N", "S", 90.0)?,
        longitude_e7: degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, "E", "W", 180.0)?,
    };
    // A receiver that has seen no satellite writes zeros.
    (point.latitude_e7 != 0 || point.longitude_e7 != 0).then_some(point)
}
