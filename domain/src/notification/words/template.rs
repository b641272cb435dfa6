//! The texts of messages: plain words, `{variables}`, and `[sections]` that are dropped where a variable of theirs says
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::limited::clean_text;

/// The longest value of a variable: more is cut.
const LONGEST_VALUE: usize = 300;

/// A text that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Variable(String),
    Section(Vec<Piece>),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTemplate {
    /// A bracket without its fellow.
    #[error("«{0}» stands without its fellow")]
    Unbalanced(char),
    /// A section in a section.
    #[error("a section stands inside another")]
    Nested,
    /// A variable that messages of this kind do not have.
    #[error("there is no variable «{0}» here")]
    UnknownVariable(String),
    /// Tags of HTML or the like.
    #[error("must be plain text: «{0}» looks like markup")]
    Markup(String),
}

impl Template {
    /// Reads a text that may use these variables.
    ///
    /// # Errors
    /// [`NotTemplate`] says what is wrong with it.
    pub fn parse(text: &str, variables: &[&str]) -> Result<Self, NotTemplate> {
        markup(text)?;
        let mut letters = text.chars();
        let pieces = read(&mut letters, variables, false)?;
        Ok(Self(pieces))
    }

    /// The text with the values in it. A value is words and nothing else: its line breaks become spaces, its control
    /// characters vanish, what is too long is cut.
    pub fn render(&self, values: &BTreeMap<String, String>) -> String {
        let mut text = String::new();
        render(&self.0, values, &mut text);
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        lines.join("\n").trim().to_owned()
    }

    /// The variables it uses.
    pub fn variables(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut pieces: Vec<&Piece> = self.0.iter().collect();
        while let Some(piece) = pieces.pop() {
            match piece {
                Piece::Words(_) => {}
                Piece::Variable(name) => {
                    found.insert(name.as_str());
                }
                Piece::Section(inner) => pieces.extend(inner),
            }
        }
        found
    }
}

/// Refuses what a careless reader could take for a tag or an entity.
fn markup(text: &str) -> Result<(), NotTemplate> {
    for (at, _) in text.match_indices(['<', '&']) {
        let rest = &text[at..];
        let second = rest.chars().nth(1).unwrap_or(' ');
        let tag =
            rest.starts_with('<') && (second.is_ascii_alphabetic() || matches!(second, '/' | '!' | '?'));
        let entity = rest.starts_with('&')
            && (second.is_ascii_alphanumeric() || second == '#')
            && rest.chars().skip(1).take_while(|c| !c.is_whitespace()).any(|c| c == ';');
        if tag || entity {
            return Err(NotTemplate::Markup(rest.chars().take(12).collect()));
        }
    }
    Ok(())
}

fn read(
    letters: &mut std::str::Chars<'_>,
    variables: &[&str],
    inside: bool,
) -> Result<Vec<Piece>, NotTemplate> {
    let mut pieces = Vec::new();
    let mut words = String::new();
    let end = |words: &mut String, pieces: &mut Vec<Piece>| {
        if !words.is_empty() {
            pieces.push(Piece::Words(std::mem::take(words)));
        }
    };
    while let Some(letter) = letters.next() {
        match letter {
            '{' => {
                end(&mut words, &mut pieces);
                let (mut name, mut closed) = (String::new(), false);
                for letter in letters.by_ref() {
                    if letter == '}' {
                        closed = true;
                        break;
                    }
                    name.push(letter);
                }
                if !closed {
                    return Err(NotTemplate::Unbalanced('{'));
                }
                if !variables.contains(&name.as_str()) {
                    return Err(NotTemplate::UnknownVariable(name.chars().take(40).collect()));
                }
                pieces.push(Piece::Variable(name));
            }
            '[' if inside => return Err(NotTemplate::Nested),
            '[' => {
                end(&mut words, &mut pieces);
                pieces.push(Piece::Section(read(letters, variables, true)?));
            }
            ']' if inside => {
                end(&mut words, &mut pieces);
                return Ok(pieces);
            }
            ']' | '}' => return Err(NotTemplate::Unbalanced(letter)),
            _ => words.push(letter),
        }
    }
    if inside {
        return Err(NotTemplate::Unbalanced('['));
    }
    end(&mut words, &mut pieces);
    Ok(pieces)
}

fn render(pieces: &[Piece], values: &BTreeMap<String, String>, text: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Words(words) => text.push_str(words),
            Piece::Variable(name) => text.push_str(&value(values, name)),
            Piece::Section(inner) => {
                let speaks = inner.iter().all(|piece| match piece {
                    Piece::Variable(name) => !value(values, name).is_empty(),
                    Piece::Words(_) | Piece::Section(_) => true,
                });
                if speaks {
                    render(inner, values, text);
                }
            }
        }
    }
}

fn value(values: &BTreeMap<String, String>, name: &str) -> String {
    let given = values.get(name).map(String::as_str).unwrap_or_default();
    let plain: String = given.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    // Links are not cut: half of one leads nowhere.
    if plain.chars().count() <= LONGEST_VALUE || plain.starts_with("http") {
        return clean_text(&plain, usize::MAX).unwrap_or_default();
    }
    let cut: String = plain.chars().take(LONGEST_VALUE - 1).collect();
    format!("{}…", clean_text(&cut, LONGEST_VALUE).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: &[&str] = &["number", "term"];

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_section_is_dropped_where_its_variable_says_nothing() {
        let template = Template::parse("Заявка № {number}.[ Срок: {term}.]", NAMES).unwrap();
        assert_eq!(
            template.render(&values(&[("number", "7"), ("term", "завтра")])),
            "Заявка № 7. Срок: завтра."
        );
        assert_eq!(template.render(&values(&[("number", "7")])), "Заявка № 7.");
        assert_eq!(template.variables(), NAMES.iter().copied().collect::<BTreeSet<_>>());
    }

    #[test]
    fn what_is_wrong_is_said_when_it_is_saved() {
        for (text, wrong) in [
            ("{nubmer}", NotTemplate::UnknownVariable("nubmer".to_owned())),
            ("{number", NotTemplate::Unbalanced('{')),
            ("number}", NotTemplate::Unbalanced('}')),
            ("[{number}", NotTemplate::Unbalanced('[')),
            ("{number}]", NotTemplate::Unbalanced(']')),
            ("[a[b]]", NotTemplate::Nested),
            ("<b>{number}</b>", NotTemplate::Markup("<b>{number}</".chars().take(12).collect())),
            ("&lt;b", NotTemplate::Markup("&lt;b".to_owned())),
        ] {
            assert_eq!(Template::parse(text, NAMES), Err(wrong), "{text}");
        }
        Template::parse("1 < 2 & 3 > 2", NAMES).unwrap();
    }

    proptest! {
        /// Whatever a value is, it adds words to the one line it stands in, and no braces of it are read.
        #[test]
        fn a_value_is_words_and_nothing_else(value in any::<String>()) {
            let template = Template::parse("a {number} b\nc", NAMES).unwrap();
            let text = template.render(&values(&[("number", &value)]));
            prop_assert!(text.starts_with('a') && text.ends_with("b\nc"));
            prop_assert_eq!(text.lines().count(), 2);
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
            prop_assert!(text.chars().count() < LONGEST_VALUE + 20 || value.trim().starts_with("http"));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(template) = Template::parse(&text, NAMES) {
                let _ = template.render(&values(&[("number", "1")]));
            }
        }
    }
}
