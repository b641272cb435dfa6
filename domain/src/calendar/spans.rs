//! Lists of spans as sets of time: sorted, apart from each other.

use super::Span;

/// The same time, sorted, with what touches or overlaps made one. Empty spans vanish.
pub(crate) fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.start < span.end);
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// What of `from` is not in `minus`; both merged.
pub(crate) fn subtract(from: &[Span], minus: &[Span]) -> Vec<Span> {
    let mut left = Vec::with_capacity(from.len());
    for span in from {
        let mut start = span.start;
        for hole in minus.iter().filter(|hole| hole.start < span.end && span.start < hole.end) {
            if start < hole.start {
                left.push(Span { start, end: hole.start });
            }
            start = start.max(hole.end);
        }
        if start < span.end {
            left.push(Span { start, end: span.end });
        }
    }
    left
}

/// What is in both; both merged.
pub(crate) fn intersect(one: &[Span], other: &[Span]) -> Vec<Span> {
    let mut both = Vec::new();
    for a in one {
        for b in other.iter().filter(|b| b.start < a.end && a.start < b.end) {
            both.push(Span { start: a.start.max(b.start), end: a.end.min(b.end) });
        }
    }
    both
}

/// Whether one span of `spans` holds all of `inner`.
pub(crate) fn holds(spans: &[Span], inner: Span) -> bool {
    spans.iter().any(|span| span.start <= inner.start && inner.end <= span.end)
}
