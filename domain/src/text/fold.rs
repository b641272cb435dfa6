//! What the search looks in: one form for all ways of writing a word.
//!
//! `lower()` and LIKE do not fold Cyrillic on SQLite, so both sides are folded here: columns by [`search_column`],
//! questions by [`query_terms`].

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::phone::PhoneNumber;

/// Folds a text for search: compatibility forms (NFKC), lower case, `ё` as `е`, no accents, punctuation as spaces, one
/// space between words. Folding twice changes nothing.
pub fn fold(text: &str) -> String {
    let mut folded = fold_once(text);
    // A dropped accent or a lowered letter can make neighbours compose; two passes settle every script, the bound is
    // for those that Unicode may yet add.
    for _ in 0..4 {
        let again = fold_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

fn fold_once(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    // «№ 5» must be found by «5», and NFKC would make «No 5» of it.
    let lowered =
        text.chars().map(|c| if c == '№' { ' ' } else { c }).nfkc().flat_map(char::to_lowercase).nfkc();
    for character in lowered {
        match character {
            'ё' => folded.push('е'),
            c if c.is_alphanumeric() => folded.push(c),
            // Marks go without leaving a gap; so do the soft hyphen and the invisible joiners.
            c if is_combining_mark(c)
                || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}') => {}
            _ if folded.is_empty() || folded.ends_with(' ') => {}
            _ => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// Folds and joins the parts of a search column. A phone number in any of them is added in the forms `79123456789` and
/// `89123456789`, so that any unbroken part of it is found, however it was written.
pub fn search_column(parts: &[&str]) -> String {
    let mut words: Vec<String> =
        parts.iter().map(|part| fold(part)).filter(|part| !part.is_empty()).collect();
    let mut numbers: Vec<String> = parts.iter().flat_map(|part| phones(part)).collect();
    numbers.sort();
    numbers.dedup();
    words.extend(numbers);
    words.join(" ")
}

/// What all must occur in a [`search_column`] for a question to be answered by it. A question that is a phone number is
/// looked up by its digits; the number of a ticket is one term, so that its count is not found in other numbers.
pub fn query_terms(question: &str) -> Vec<String> {
    if let Some(number) = phone(question) {
        return vec![number.digits().to_owned()];
    }
    let mut terms = Vec::new();
    for word in question.split_whitespace() {
        let folded = fold(word);
        match is_ticket_number(word) {
            true => terms.push(folded),
            false => terms.extend(folded.split(' ').filter(|term| !term.is_empty()).map(str::to_owned)),
        }
    }
    terms
}

/// «2026-004999»: a year and a count.
fn is_ticket_number(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    text.trim()
        .split_once('-')
        .is_some_and(|(year, count)| year.len() == 4 && count.len() >= 6 && digits(year) && digits(count))
}

/// A text that is a phone number; that of a ticket is none.
fn phone(text: &str) -> Option<PhoneNumber> {
    if is_ticket_number(text) { None } else { PhoneNumber::parse(text).ok() }
}

/// The phone numbers in a text, by their digits.
fn phones(text: &str) -> Vec<String> {
    let belongs = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-().\u{2013}\u{2011}".contains(c);
    let mut found = Vec::new();
    for run in text.split(|c| !belongs(c)) {
        let whole = phone(run).map(|number| vec![number]);
        let numbers = whole.unwrap_or_else(|| run.split_whitespace().filter_map(phone).collect());
        for number in numbers {
            if let Some(national) = number.digits().strip_prefix('7') {
                found.push(format!("8{national}"));
            }
            found.push(number.digits().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_form_for_all_ways_of_writing() {
        assert_eq!(fold("  Улица ЁЛОЧНАЯ, д.5/2 — «Щит»  "), "улица елочная д 5 2 щит");
        assert_eq!(fold("е\u{308}лка и кварти\u{301}ра"), "елка и квартира");
        assert_eq!(fold("ЧАЙ чаи\u{306}"), "чай чай");
        assert_eq!(fold("ﬁtting ＡＢＣ №5"), "fitting abc 5");
        assert_eq!(fold("İstanbul"), "istanbul");
        assert_eq!(fold("пере\u{ad}нос"), "перенос");
        assert_eq!(fold("!?"), "");
        // Two jamo compose only when the joiner between them is gone.
        assert_eq!(fold("\u{1100}\u{200b}\u{1161}"), "가");
    }

    fn finds(column: &str, question: &str) -> bool {
        query_terms(question).iter().all(|term| column.contains(term.as_str()))
    }

    #[test]
    fn a_phone_number_is_found_however_it_is_written() {
        let column = search_column(&["Петров Пётр", "тел. 8 (912) 345-67-89, 2 этаж", ""]);
        for question in
            ["+79123456789", "8 912 345-67-89", "9123456789", "3456789", "8912345", "912 345", "петр 6789"]
        {
            assert!(finds(&column, question), "{question} in {column}");
        }
        assert_eq!(search_column(&["2026-004999", "кв 5"]), "2026 004999 кв 5");
        assert_eq!(query_terms("2026-004999 Ильин"), ["2026 004999", "ильин"]);
        assert!(!finds(&search_column(&["2026-000002", "+79000000007"]), "2026-000007"));
        assert!(!finds(&column, "89123456780"));
        assert!(!finds(&column, "сидоров"));
        assert!(finds(&search_column(&["кв 12 89123456789 спросить Анну"]), "+7 912 345 67 89"));
        assert!(finds(&search_column(&["+375 29 123-45-67"]), "+375291234567"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            let folded = fold(&text);
            prop_assert_eq!(fold(&folded), folded);
        }

        #[test]
        fn case_and_spacing_do_not_matter(words in prop::collection::vec("[а-яё]{1,8}", 1..6)) {
            let plain = words.join(" ");
            let loud = format!("  {}!", words.join(",  ").to_uppercase());
            prop_assert_eq!(fold(&loud), fold(&plain));
            prop_assert!(finds(&search_column(&["прочее", &loud]), &plain));
        }

        #[test]
        fn any_part_of_a_number_is_found(national in "9[0-9]{9}", from in 0usize..7, length in 4usize..8) {
            let written = format!("8 ({}) {}-{}-{}", &national[..3], &national[3..6], &national[6..8], &national[8..]);
            let part = &national[from..(from + length).min(10)];
            prop_assert!(search_column(&[&written]).contains(part));
        }
    }
}
