//! Commands and replies (RFC 5321, section 4.2), and no more of a reply than anybody should read.

use std::{fmt, time::Duration};

use naryad_domain::channel::SendError;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    time::timeout,
};

/// One command and its reply.
const COMMAND: Duration = Duration::from_secs(8);
/// The reply to a text: servers look into it first.
const CONTENT: Duration = Duration::from_secs(20);
/// A longer line is no reply, in bytes.
const LONGEST_LINE: u64 = 2048;
/// More lines are none either.
const MOST_LINES: usize = 100;

/// What bytes go over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One end of a talk.
pub(super) struct Wire(BufReader<Box<dyn Stream>>);

/// What a server said. Its words may hold anything; they never show themselves.
pub(super) struct Reply {
    pub(super) code: u16,
    lines: Vec<String>,
}

impl Wire {
    pub(super) fn over(stream: Box<dyn Stream>) -> Self {
        Self(BufReader::new(stream))
    }

    /// Takes the stream back; `None`: the other side has spoken out of turn, and what it said in the clear would be taken
    /// for what it says under TLS.
    pub(super) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.0.buffer().is_empty().then(|| self.0.into_inner())
    }

    /// Says one line and hears the reply.
    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, SendError> {
        if line.contains(['\r', '\n']) {
            return Err(SendError::Refused("a command of two lines".to_owned()));
        }
        self.say(format!("{line}\r\n").as_bytes(), COMMAND).await
    }

    /// Sends a text with its end and hears the reply.
    pub(super) async fn content(&mut self, text: &[u8]) -> Result<Reply, SendError> {
        self.say(text, CONTENT).await
    }

    /// Hears a reply.
    pub(super) async fn reply(&mut self) -> Result<Reply, SendError> {
        in_time(COMMAND, self.hear()).await
    }

    async fn say(&mut self, bytes: &[u8], patience: Duration) -> Result<Reply, SendError> {
        let talk = async {
            // Whatever was said before we asked is no answer.
            if !self.0.buffer().is_empty() {
                return Err(down("the server spoke out of turn"));
            }
            self.0.write_all(bytes).await.map_err(|_| broke())?;
            self.0.flush().await.map_err(|_| broke())?;
            self.hear().await
        };
        in_time(patience, talk).await
    }

    async fn hear(&mut self) -> Result<Reply, SendError> {
        let mut lines: Vec<String> = Vec::new();
        let mut code = None;
        while lines.len() < MOST_LINES {
            let mut line = Vec::new();
            let mut limited = (&mut self.0).take(LONGEST_LINE);
            limited.read_until(b'\n', &mut line).await.map_err(|_| broke())?;
            if line.is_empty() {
                return Err(broke());
            }
            let (said, is_last, text) = parse(&line).ok_or_else(garbage)?;
            if code.replace(said).is_some_and(|before| before != said) {
                return Err(garbage());
            }
            lines.push(text);
            if is_last {
                return Ok(Reply { code: said, lines });
            }
        }
        Err(garbage())
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// Code, whether it is the last line, and the rest of one.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (digits, rest) = line.split_at_checked(3)?;
    if !(b'2'..=b'5').contains(&digits[0]) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (is_last, text) = match rest {
        [] => (true, rest),
        [b' ', text @ ..] => (true, text),
        [b'-', text @ ..] => (false, text),
        _ => return None,
    };
    Some((code, is_last, String::from_utf8_lossy(text).into_owned()))
}

impl Reply {
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The enhanced code (RFC 3463) without its class, if there is one of the same class: `(1, 1)` of `5.1.1`.
    pub(super) fn detail(&self) -> Option<(u16, u16)> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.').map(|part| {
            (part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<u16>().ok())?
        });
        let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
        (parts.next().is_none() && class == self.code / 100).then_some((subject, detail))
    }

    /// The codes, for the log.
    pub(super) fn word(&self) -> String {
        match self.detail() {
            Some((subject, detail)) => format!("{} {}.{subject}.{detail}", self.code, self.code / 100),
            None => self.code.to_string(),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.word())
    }
}

pub(super) async fn in_time<T>(
    patience: Duration,
    talk: impl Future<Output = Result<T, SendError>>,
) -> Result<T, SendError> {
    timeout(patience, talk).await.map_err(|_| down("time is up"))?
}

pub(super) fn down(what: &str) -> SendError {
    SendError::Down(what.to_owned())
}

fn broke() -> SendError {
    down("the connection broke")
}

fn garbage() -> SendError {
    down("what came is no reply")
}
