//! The bytes of a photo in an answer: all of them, a part (RFC 9110, section 14), or nothing new (section 13).

use std::ops::Range;

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{StatusCode, header},
};
use naryad_domain::{
    blob::Blobs,
    photo::{self, Content},
};
use utoipa::ToSchema;

use crate::problem::Answer;

/// Bytes as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct Bytes(#[expect(dead_code, reason = "names the schema")] Vec<u8>);

/// What a request asks of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    /// The range begins behind the end.
    Nothing,
    /// The client has them.
    Known,
}

/// Answers with bytes, marked so that no browser takes them for anything but what they are.
pub(crate) async fn answer(blobs: &dyn Blobs, content: &Content, request: &HttpRequest) -> Answer {
    let length = content.bytes;
    let tag = format!("\"{}\"", content.key.sha256);
    let (status, range) = match asked(request, &tag, length) {
        Asked::Whole => (StatusCode::OK, None),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Asked::Known => {
            let mut response = HttpResponse::NotModified();
            return Ok(response.insert_header((header::ETAG, tag)).finish());
        }
        Asked::Nothing => {
            let mut response = HttpResponse::RangeNotSatisfiable();
            return Ok(response.insert_header((header::CONTENT_RANGE, format!("bytes */{length}"))).finish());
        }
    };
    let read = photo::open(blobs, content, range).await?;
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_TYPE, content.media_type.as_str()))
        .insert_header((header::ETAG, tag))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        // Who may see it is asked anew each time.
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::CONTENT_DISPOSITION, content.disposition()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox"));
    if status == StatusCode::PARTIAL_CONTENT {
        let Range { start, end } = read.range;
        let part = format!("bytes {start}-{}/{}", end.saturating_sub(1), read.len);
        response.insert_header((header::CONTENT_RANGE, part));
    }
    Ok(response.body(SizedStream::new(read.range.end - read.range.start, read.stream)))
}

fn asked(request: &HttpRequest, tag: &str, length: u64) -> Asked {
    let text = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    if text(header::IF_NONE_MATCH).is_some_and(|tags| names(tags, tag)) {
        return Asked::Known;
    }
    if text(header::IF_RANGE).is_some_and(|condition| condition.trim() != tag) {
        return Asked::Whole;
    }
    text(header::RANGE).map_or(Asked::Whole, |range| part(range, length))
}

/// Whether a list of entity tags names this one; weak tags compare as strong ones here (RFC 9110, section 13.1.2).
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// The part that a `Range` names. What is not one well-formed range of bytes is as if it had not been sent.
fn part(range: &str, length: u64) -> Asked {
    let parsed = || {
        let (first, last) = range.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
        };
        Some(match (first, last) {
            ("", last) => length.saturating_sub(number(last)?)..length,
            (first, "") => number(first)?..length,
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                first..last.saturating_add(1).min(length)
            }
        })
    };
    match parsed() {
        None => Asked::Whole,
        Some(range) if range.start >= length => Asked::Nothing,
        Some(range) => Asked::Part(range),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_range_is_cut_to_the_bytes() {
        for (range, asked) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-5", Asked::Part(2..6)),
            ("bytes=7-", Asked::Part(7..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=5-99999999999999999999", Asked::Part(5..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=10-12", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("items=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(part(range, 10), asked, "{range}");
        }
    }

    #[test]
    fn conditions_come_before_the_range() {
        let ask = |headers: &[(header::HeaderName, &str)]| {
            let mut request = TestRequest::get();
            for (name, value) in headers {
                request = request.insert_header((name.clone(), *value));
            }
            asked(&request.to_http_request(), "\"ab\"", 10)
        };
        let range = (header::RANGE, "bytes=1-2");
        assert_eq!(ask(&[]), Asked::Whole);
        assert_eq!(ask(std::slice::from_ref(&range)), Asked::Part(1..3));
        assert_eq!(ask(&[range.clone(), (header::IF_RANGE, "\"ab\"")]), Asked::Part(1..3));
        for other in ["\"cd\"", "W/\"ab\"", "Mon, 23 Nov 2026 09:00:00 GMT"] {
            assert_eq!(ask(&[range.clone(), (header::IF_RANGE, other)]), Asked::Whole, "{other}");
        }
        for known in ["\"ab\"", "W/\"ab\"", "\"cd\", \"ab\"", "*"] {
            assert_eq!(ask(&[range.clone(), (header::IF_NONE_MATCH, known)]), Asked::Known, "{known}");
        }
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"cd\"")]), Asked::Whole);
    }
}
