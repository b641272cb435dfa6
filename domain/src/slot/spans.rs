//! Sets of spans of time: sorted, disjoint.

use crate::calendar::Span;

/// Sorts spans and joins those that touch or overlap.
pub(crate) fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.start < span.end);
    spans.sort_unstable_by_key(|span| span.start);
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// What of `from` is not in `what`; both sorted and disjoint.
pub(crate) fn subtract(from: &[Span], what: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    for span in from {
        let mut start = span.start;
        for taken in what.iter().filter(|taken| taken.end > span.start && taken.start < span.end) {
            if taken.start > start {
                left.push(Span { start, end: taken.start });
            }
            start = start.max(taken.end);
        }
        if start < span.end {
            left.push(Span { start, end: span.end });
        }
    }
    left
}

/// Whether a span lies wholly in one of the spans.
pub(crate) fn holds(spans: &[Span], span: Span) -> bool {
    let after = spans.partition_point(|open| open.start <= span.start);
    after > 0 && spans[after - 1].end >= span.end
}

/// Whether two spans share an instant.
pub(crate) fn overlap(one: Span, other: Span) -> bool {
    one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn span(start: i64, length: i64) -> Span {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        Span { start: at(start), end: at(start + length) }
    }

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        prop::collection::vec((0_i64..200, 1_i64..40).prop_map(|(start, length)| span(start, length)), 0..12)
    }

    fn has(spans: &[Span], second: i64) -> bool {
        spans.iter().any(|s| s.start.timestamp() <= second && second < s.end.timestamp())
    }

    proptest! {
        #[test]
        fn sets_of_spans_are_sets_of_seconds(one in spans(), other in spans(), start in 0_i64..240, length in 1_i64..40) {
            let (merged, taken) = (merge(one.clone()), merge(other.clone()));
            prop_assert!(merged.windows(2).all(|pair| pair[0].end < pair[1].start));
            let left = subtract(&merged, &taken);
            for second in 0..250 {
                prop_assert_eq!(has(&merged, second), has(&one, second));
                prop_assert_eq!(has(&left, second), has(&one, second) && !has(&other, second));
            }
            let wanted = span(start, length);
            let inside = (start..start + length).all(|second| has(&merged, second));
            prop_assert_eq!(holds(&merged, wanted), inside);
        }
    }
}
