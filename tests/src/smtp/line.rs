//! Lines of a talk, and what is wrong with them.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// A command is no longer, with its end (RFC 5321, section 4.5.3), in bytes.
const LONGEST_COMMAND: usize = 512;
/// A line of text is no longer, with its end, in bytes.
const LONGEST_TEXT: usize = 1000;

/// The next line without its end; `None`: the other side is gone.
pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Result<Vec<u8>, String>> {
    let mut line = Vec::new();
    let read = stream.read_until(b'\n', &mut line).await;
    match read {
        Ok(count) if count > 0 => Some(whole(line)),
        _ => None,
    }
}

fn whole(mut line: Vec<u8>) -> Result<Vec<u8>, String> {
    if !line.ends_with(b"\r\n") {
        return Err("a line without CRLF".to_owned());
    }
    line.truncate(line.len() - 2);
    if line.contains(&b'\r') || line.contains(&0) {
        return Err("a bare CR or a NUL in a line".to_owned());
    }
    Ok(line)
}

/// A command is a short line of ASCII.
pub(super) fn command(line: Vec<u8>) -> Result<String, String> {
    if line.len() + 2 > LONGEST_COMMAND {
        return Err("a command that is too long".to_owned());
    }
    String::from_utf8(line)
        .ok()
        .filter(|text| text.is_ascii())
        .ok_or_else(|| "a command beyond ASCII".to_owned())
}

/// The text of a letter from its lines as they came, without the added dots.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    pub(super) wrong: Option<&'static str>,
}

impl Text {
    /// Takes a line; `true`: it was the end.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        if line == b"." {
            return true;
        }
        if line.len() + 2 > LONGEST_TEXT + usize::from(line.starts_with(b".")) {
            self.wrong = Some("a line of text that is too long");
        }
        if line.starts_with(b".") && !line.starts_with(b"..") {
            self.wrong = Some("a line of text with a single dot before it");
        }
        self.bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        self.bytes.extend_from_slice(b"\r\n");
        false
    }
}
