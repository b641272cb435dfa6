//! What a client says to PostgreSQL, taken apart into messages, as far as it takes to see a COMMIT.
//!
//! Source: PostgreSQL documentation, chapter "Frontend/Backend Protocol", message formats.

use std::collections::HashMap;

/// A piece of the stream that is forwarded or held back as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The bytes as they came.
    pub(super) bytes: Vec<u8>,
    /// For a message that executes COMMIT: the statements executed since BEGIN.
    pub(super) commit: Option<Vec<String>>,
}

/// The client's side of one unencrypted connection.
#[derive(Debug, Default)]
pub(super) struct Frontend {
    buffer: Vec<u8>,
    /// The start-up message has passed: from here on messages carry a type.
    started: bool,
    statements: HashMap<Vec<u8>, String>,
    portals: HashMap<Vec<u8>, String>,
    transaction: Vec<String>,
}

/// SSLRequest and GSSENCRequest: start-up messages that are followed by another one.
const NEGOTIATIONS: [u32; 2] = [80_877_103, 80_877_104];

impl Frontend {
    /// Takes in bytes and gives the messages that are whole.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.buffer.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some(message) = self.take_message() {
            let commit = self.commit_in(&message);
            pieces.push(Piece { bytes: message, commit });
        }
        pieces
    }

    fn take_message(&mut self) -> Option<Vec<u8>> {
        let tag = usize::from(self.started);
        let length = self.buffer.get(tag..tag + 4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize + tag;
        if self.buffer.len() < length {
            return None;
        }
        let message: Vec<u8> = self.buffer.drain(..length.max(tag + 4)).collect();
        if !self.started {
            let code = message.get(4..8).and_then(|code| Some(u32::from_be_bytes(code.try_into().ok()?)));
            self.started = !code.is_some_and(|code| NEGOTIATIONS.contains(&code));
            return Some(message);
        }
        Some(message)
    }

    fn commit_in(&mut self, message: &[u8]) -> Option<Vec<String>> {
        let (head, body) = message.split_at_checked(5)?;
        let mut words = body.split(|byte| *byte == 0);
        let mut word = || words.next().unwrap_or_default().to_vec();
        match head[0] {
            b'Q' => {
                let statement = text(&word());
                self.execute(statement)
            }
            b'P' => {
                let (name, statement) = (word(), text(&word()));
                self.statements.insert(name, statement);
                None
            }
            b'B' => {
                let (portal, name) = (word(), word());
                let statement = self.statements.get(&name).cloned().unwrap_or_default();
                self.portals.insert(portal, statement);
                None
            }
            b'E' => {
                let statement = self.portals.get(&word()).cloned().unwrap_or_default();
                self.execute(statement)
            }
            _ => None,
        }
    }

    fn execute(&mut self, statement: String) -> Option<Vec<String>> {
        let bare = statement.trim().trim_end_matches(';').trim().to_uppercase();
        match bare.split_whitespace().next().unwrap_or_default() {
            "COMMIT" | "END" => Some(std::mem::take(&mut self.transaction)),
            "BEGIN" | "START" => {
                self.transaction.clear();
                None
            }
            "ROLLBACK" | "ABORT" if !bare.contains(" TO ") => {
                self.transaction.clear();
                None
            }
            _ => {
                self.transaction.push(statement);
                None
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Looks for bytes in a stream that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Substring {
    tail: Vec<u8>,
}

impl Substring {
    /// Whether `needle` ends in this piece.
    pub(super) fn meets(&mut self, needle: &[u8], piece: &[u8]) -> bool {
        self.tail.extend_from_slice(piece);
        let found = !needle.is_empty() && self.tail.windows(needle.len()).any(|window| window == needle);
        let keep = if found { 0 } else { needle.len().saturating_sub(1) };
        self.tail.drain(..self.tail.len().saturating_sub(keep));
        found
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[tag], &length.to_be_bytes()[..], body].concat()
    }

    pub(in crate::proxy) fn query(sql: &str) -> Vec<u8> {
        message(b'Q', format!("{sql}\0").as_bytes())
    }

    pub(in crate::proxy) fn startup() -> Vec<u8> {
        let body = b"user\0naryad\0\0";
        let length = u32::try_from(body.len() + 8).unwrap();
        [&length.to_be_bytes()[..], &196_608_u32.to_be_bytes(), body].concat()
    }

    fn prepared(name: &str, sql: &str) -> Vec<u8> {
        let parse = message(b'P', format!("{name}\0{sql}\0\0\0").as_bytes());
        [parse, again(name)].concat()
    }

    fn again(name: &str) -> Vec<u8> {
        let bind = message(b'B', format!("\0{name}\0\0\0\0\0\0\0").as_bytes());
        [bind, message(b'E', b"\0\0\0\0\0"), message(b'S', b"")].concat()
    }

    fn commits(pieces: &[Piece]) -> Vec<Vec<String>> {
        pieces.iter().filter_map(|piece| piece.commit.clone()).collect()
    }

    #[test]
    fn commits_are_seen_however_the_stream_is_cut() {
        let ssl = [8_u32.to_be_bytes(), NEGOTIATIONS[0].to_be_bytes()].concat();
        let stream = [
            ssl,
            startup(),
            query("BEGIN"),
            prepared("s1", "INSERT INTO ticket VALUES ($1)"),
            query("SAVEPOINT x"),
            query("ROLLBACK TO SAVEPOINT x"),
            query("COMMIT"),
            query("SELECT 'COMMIT'"),
            query("BEGIN"),
            query("DELETE FROM ticket"),
            query("ROLLBACK"),
            query("begin"),
            again("s1"),
            prepared("s2", "commit;"),
        ]
        .concat();
        let insert = "INSERT INTO ticket VALUES ($1)".to_owned();
        let expected = [
            vec![insert.clone(), "SAVEPOINT x".to_owned(), "ROLLBACK TO SAVEPOINT x".to_owned()],
            vec![insert],
        ];
        for size in 1..200 {
            let mut frontend = Frontend::default();
            let pieces: Vec<_> = stream.chunks(size).flat_map(|chunk| frontend.feed(chunk)).collect();
            assert_eq!(commits(&pieces), expected, "in chunks of {size}");
            let forwarded: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
            assert_eq!(forwarded, stream, "every byte goes on, in chunks of {size}");
        }
    }

    #[test]
    fn bytes_are_found_across_pieces() {
        let mut substring = Substring::default();
        assert!(!substring.meets(b"needle", b"a need"));
        assert!(substring.meets(b"needle", b"le and"));
        assert!(!substring.meets(b"needle", b"le"), "found once, not twice");
    }
}
