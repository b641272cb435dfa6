//! How a text reads without what the official style forbids: brackets become commas, exclamation marks full stops.
//!
//! It adds words in one case only: a lone `<` or `>` before a number becomes «менее» or «более», because dropping it
//! would change the fact.

use super::official::{Side, bracket, is_exclamation, is_once, is_picture, is_picture_part};

/// A character of the source by what becomes of it.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    /// Stays.
    Text(char),
    /// A bracket: a pause, where the words around it need one.
    Bracket(Side),
    /// An exclamation mark: the end of a sentence, where it has no other end.
    Stop,
    /// A lone comparison before a number.
    Word(&'static str),
    /// Leaves a space.
    Space,
    /// Leaves nothing.
    Nothing,
}

/// The text in the official style. Letters, digits and the order of words stay.
pub(super) fn mend(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(mend_line).collect();
    lines.join("\n").trim().to_owned()
}

fn mend_line(line: &str) -> String {
    let mut pieces: Vec<Piece> = line.chars().map(piece).collect();
    settle_brackets(&mut pieces, line);
    let mut out = String::with_capacity(line.len());
    for (at, piece) in pieces.iter().enumerate() {
        match *piece {
            Piece::Text(c) if c.is_whitespace() => space(&mut out),
            Piece::Text(c) => {
                if ends_clause(c) {
                    out.truncate(out.trim_end().len());
                }
                out.push(c);
            }
            Piece::Space => space(&mut out),
            Piece::Nothing => {}
            Piece::Word(word) => {
                space(&mut out);
                out.push_str(word);
                out.push(' ');
            }
            Piece::Bracket(_) => {
                pause(&mut out, next_solid(&pieces, at));
            }
            Piece::Stop => stop(&mut out, next_solid(&pieces, at)),
        }
    }
    let removed_end =
        line.trim_end().chars().next_back().is_some_and(|c| !matches!(piece(c), Piece::Text(_)));
    tidy(&out, removed_end)
}

fn piece(character: char) -> Piece {
    match character {
        c if c.is_alphanumeric() => Piece::Text(c),
        '⁉' | '⁈' | '‽' => Piece::Text('?'),
        '¡' | '⸘' => Piece::Space,
        c if is_exclamation(c) => Piece::Stop,
        c if is_picture_part(c) => Piece::Nothing,
        c => match bracket(c) {
            Some(side) => Piece::Bracket(side),
            None if is_picture(c) => Piece::Space,
            None => Piece::Text(c),
        },
    }
}

/// Looks at brackets with what they hold: «сосед(и)» becomes one word, the area code of a phone number needs no comma,
/// and a lone `<` before a number is a comparison.
fn settle_brackets(pieces: &mut [Piece], line: &str) {
    let source: Vec<char> = line.chars().collect();
    let mut open = None;
    for at in 0..pieces.len() {
        match pieces[at] {
            Piece::Bracket(Side::Open) => {
                if let Some(lone) = open.replace(at) {
                    compare(pieces, &source, lone);
                }
            }
            Piece::Bracket(Side::Close) => match open.take() {
                Some(start) if belong_together(&source, start, at) => pair(pieces, &source, start, at),
                lone => {
                    lone.into_iter().for_each(|start| compare(pieces, &source, start));
                    compare(pieces, &source, at);
                }
            },
            _ => {}
        }
    }
    if let Some(lone) = open {
        compare(pieces, &source, lone);
    }
}

/// Signs of comparison stand apart from what they compare, or face a number: `< 18, but > 3` is not a pair of brackets.
fn belong_together(source: &[char], start: usize, end: usize) -> bool {
    match (source[start], source[end]) {
        ('<', '>') => !source[start + 1].is_whitespace() && !source[end - 1].is_whitespace(),
        (open, close) => open != '<' && close != '>',
    }
}

fn pair(pieces: &mut [Piece], source: &[char], start: usize, end: usize) {
    let inside = &source[start + 1..end];
    let letter = |at: Option<usize>| at.and_then(|at| source.get(at)).is_some_and(|c| c.is_alphabetic());
    let attached = letter(start.checked_sub(1)) || letter(end.checked_add(1));
    let settled = if attached && (1..=2).contains(&inside.len()) && inside.iter().all(|c| c.is_lowercase()) {
        Piece::Nothing
    } else if inside.len() >= 3 && inside.iter().all(char::is_ascii_digit) {
        Piece::Space
    } else {
        return;
    };
    pieces[start] = settled;
    pieces[end] = settled;
}

fn compare(pieces: &mut [Piece], source: &[char], at: usize) {
    let word = match source[at] {
        '<' => "менее",
        '>' => "более",
        _ => return,
    };
    let arrow = at.checked_sub(1).and_then(|before| source.get(before)).is_some_and(|c| "-=–—".contains(*c));
    let number = source[at + 1..].iter().find(|c| !c.is_whitespace()).is_some_and(char::is_ascii_digit);
    pieces[at] = if number && !arrow { Piece::Word(word) } else { Piece::Space };
}

/// What stands next, past everything that is removed; and whether a bracket stands between.
#[derive(Clone, Copy)]
struct Next {
    solid: Option<char>,
    adjacent: bool,
    past_bracket: bool,
}

fn next_solid(pieces: &[Piece], at: usize) -> Next {
    let mut next = Next { solid: None, adjacent: true, past_bracket: false };
    for piece in &pieces[at + 1..] {
        match *piece {
            Piece::Text(c) if !c.is_whitespace() => {
                next.solid = Some(c);
                break;
            }
            Piece::Word(word) => {
                next.solid = word.chars().next();
                break;
            }
            Piece::Bracket(_) => next.past_bracket = true,
            Piece::Text(_) | Piece::Space => next.adjacent = false,
            Piece::Stop | Piece::Nothing => {}
        }
    }
    next
}

fn pause(out: &mut String, next: Next) {
    let needed = needs_pause_after(out) && next.solid.is_some_and(|c| !pauses_before(c, next.adjacent));
    if needed {
        out.truncate(out.trim_end().len());
        out.push(',');
    }
    let closing = next.adjacent && next.solid.is_some_and(|c| pauses_before(c, true));
    if !closing {
        space(out);
    }
}

fn stop(out: &mut String, next: Next) {
    let ends = match next.solid {
        None => true,
        Some(c) => !next.past_bracket && !pauses_before(c, next.adjacent),
    };
    if ends && needs_pause_after(out) {
        out.truncate(out.trim_end().len());
        out.push('.');
        space(out);
    }
}

/// Whether the text so far ends with a word rather than with a mark that already parts it from what follows.
fn needs_pause_after(out: &str) -> bool {
    out.trim_end().chars().next_back().is_some_and(|c| !".,;:?…-–—«„/\\".contains(c))
        && !out.ends_with(['"', '“'])
}

/// Whether `character` itself parts what follows from what stands before it, or closes a quotation.
fn pauses_before(character: char, adjacent: bool) -> bool {
    ".,;:?…-–—»/\\".contains(character) || (adjacent && "\"“”".contains(character))
}

fn ends_clause(character: char) -> bool {
    ".,;:?…".contains(character)
}

fn space(out: &mut String) {
    if !out.is_empty() && !out.ends_with(' ') {
        out.push(' ');
    }
}

/// Leaves each mark once, three dots as `…`, and nothing hanging where a removed mark ended the line.
fn tidy(line: &str, removed_end: bool) -> String {
    let mut tidy = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        if matches!(character, '.' | '…') {
            let weight = |c: char| if c == '…' { 3 } else { 1 };
            let mut dots = weight(character);
            while let Some(dot) = rest.next_if(|c| matches!(c, '.' | '…')) {
                dots += weight(dot);
            }
            tidy.push(if dots >= 3 { '…' } else { '.' });
        } else if !(is_once(character) && tidy.ends_with(character)) {
            tidy.push(character);
        }
    }
    let kept =
        if removed_end { tidy.trim_end_matches([' ', ',', ';', ':', '-', '–', '—']) } else { &tidy };
    kept.trim().to_owned()
}
