//! One talk, from the greeting on.

use std::{io, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::{
    At, Desk, LOGIN, LONGEST, Mode, PASSWORD, Say, letter,
    line::{self, Text},
};

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct Talk {
    desk: Arc<Desk>,
    stream: BufReader<Box<dyn Stream>>,
    secure: bool,
    greeted: bool,
    signed_in: bool,
    from: Option<Envelope>,
    to: Option<String>,
}

struct Envelope {
    address: String,
    size: Option<usize>,
    eight_bit: bool,
}

/// How a talk goes on.
enum Next {
    Listen,
    Encrypt,
    End,
}

/// Holds a talk to its end.
pub(super) async fn hold(desk: Arc<Desk>, stream: TcpStream) {
    let implicit = desk.mode == Mode::Implicit;
    let stream: Box<dyn Stream> = if implicit {
        // Who does not like the certificate goes away.
        let Ok(stream) = desk.acceptor.accept(stream).await else { return };
        Box::new(stream)
    } else {
        Box::new(stream)
    };
    let mut talk = Talk {
        desk,
        stream: BufReader::new(stream),
        secure: implicit,
        greeted: false,
        signed_in: false,
        from: None,
        to: None,
    };
    let Ok(Next::Listen) = talk.answer(At::Greeting, "220 stand-in.example ESMTP").await else { return };
    loop {
        let Some(heard) = line::read(&mut talk.stream).await else { return };
        let command = match heard.and_then(line::command) {
            Ok(command) => command,
            Err(complaint) => return talk.desk.complain(complaint),
        };
        // PIPELINING is not offered.
        if !talk.stream.buffer().is_empty() {
            return talk.desk.complain(format!("more was said after {command:.10}"));
        }
        match talk.obey(&command).await {
            Ok(Next::Listen) => {}
            Ok(Next::Encrypt) => {
                let Some(encrypted) = talk.encrypt().await else { return };
                talk = encrypted;
            }
            Ok(Next::End) | Err(_) => return,
        }
    }
}

impl Talk {
    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }

    async fn refuse(&mut self, line: &str, complaint: &str) -> io::Result<Next> {
        self.desk.complain(complaint);
        self.say(line).await.map(|()| Next::Listen)
    }

    /// Says what is right at this step, or what the script has instead.
    async fn answer(&mut self, at: At, right: &str) -> io::Result<Next> {
        match self.desk.say(at) {
            None | Some(Say::Bare | Say::TakeAndClose) => self.say(right).await.map(|()| Next::Listen),
            Some(say) => self.misbehave(say, right).await,
        }
    }

    async fn misbehave(&mut self, say: Say, right: &str) -> io::Result<Next> {
        match say {
            Say::Line(line) => {
                self.say(line).await?;
                Ok(if line.starts_with("421") { Next::End } else { Next::Listen })
            }
            Say::Ahead(next) => self.say(&format!("{right}\r\n{next}")).await.map(|()| Next::Listen),
            Say::Silence => std::future::pending().await,
            Say::Endless => loop {
                self.say("250-and so on").await?;
            },
            Say::Close | Say::TakeAndClose | Say::Bare => Ok(Next::End),
        }
    }

    async fn encrypt(self) -> Option<Self> {
        let Self { desk, stream, .. } = self;
        if !stream.buffer().is_empty() {
            desk.complain("more was said after STARTTLS");
            return None;
        }
        let stream = desk.acceptor.accept(stream.into_inner()).await.ok()?;
        let stream = BufReader::new(Box::new(stream) as Box<dyn Stream>);
        Some(Self { desk, stream, secure: true, greeted: false, signed_in: false, from: None, to: None })
    }

    async fn obey(&mut self, command: &str) -> io::Result<Next> {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let must_encrypt = self.desk.mode == Mode::Starttls && !self.secure;
        match verb {
            "QUIT" => self.say("221 2.0.0 bye").await.map(|()| Next::End),
            "EHLO" => self.hello(rest).await,
            _ if !self.greeted => self.refuse("503 5.5.1 EHLO first", "something before EHLO").await,
            "STARTTLS" if must_encrypt && rest.is_empty() => match self.desk.say(At::StartTls) {
                None => self.say("220 2.0.0 go on").await.map(|()| Next::Encrypt),
                Some(say) => self.misbehave(say, "220 2.0.0 go on").await,
            },
            _ if must_encrypt => self.refuse("530 5.7.0 STARTTLS first", "something before STARTTLS").await,
            "AUTH" => self.auth(rest).await,
            "RSET" => {
                (self.from, self.to) = (None, None);
                self.answer(At::Reset, "250 2.0.0 ok").await
            }
            _ if self.desk.mode != Mode::Clear && !self.signed_in => {
                self.refuse("530 5.7.0 who are you", "a letter before the login").await
            }
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.recipient(rest).await,
            "DATA" if rest.is_empty() => self.data().await,
            _ => self.refuse("500 5.5.2 what", &format!("the command {verb:.10}")).await,
        }
    }

    async fn hello(&mut self, name: &str) -> io::Result<Next> {
        let is_literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).is_some();
        if !is_literal && !name.contains('.') {
            return self.refuse("501 5.5.4 who", "EHLO without a name").await;
        }
        self.greeted = true;
        let mut features =
            vec!["stand-in.example".to_owned(), "8BITMIME".to_owned(), format!("SIZE {LONGEST}")];
        if self.desk.mode == Mode::Starttls && !self.secure {
            features.push("STARTTLS".to_owned());
        }
        // Some offer it in the clear too; a good client does not fall for it.
        if self.desk.mode != Mode::Clear {
            let old = self.desk.book().old_login;
            features.push(if old { "AUTH LOGIN" } else { "AUTH CRAM-MD5 LOGIN PLAIN" }.to_owned());
        }
        let say = self.desk.say(At::Hello);
        if say == Some(Say::Bare) {
            features.retain(|feature| feature != "STARTTLS");
        } else if let Some(say) = say {
            return self.misbehave(say, "250 stand-in.example").await;
        }
        let last = features.len() - 1;
        let lines: Vec<_> = features
            .iter()
            .enumerate()
            .map(|(at, feature)| format!("250{}{feature}", if at == last { ' ' } else { '-' }))
            .collect();
        self.say(&lines.join("\r\n")).await.map(|()| Next::Listen)
    }

    async fn auth(&mut self, rest: &str) -> io::Result<Next> {
        if !self.secure || self.signed_in {
            return self.refuse("538 5.7.11 not so", "AUTH in the clear, or twice").await;
        }
        let old = self.desk.book().old_login;
        let said = match rest.split_once(' ') {
            Some(("PLAIN", secret)) if !old => decode(secret),
            None if rest == "LOGIN" => {
                let mut words = Vec::new();
                for prompt in ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"] {
                    self.say(prompt).await?;
                    let heard = line::read(&mut self.stream).await;
                    words.push(
                        heard.and_then(Result::ok).and_then(|line| decode(&String::from_utf8_lossy(&line))),
                    );
                }
                match &words[..] {
                    [Some(name), Some(password)] => Some(format!("\0{name}\0{password}")),
                    _ => None,
                }
            }
            _ => None,
        };
        match said {
            None => self.refuse("501 5.5.2 what", "AUTH that cannot be read").await,
            Some(said) if said == format!("\0{LOGIN}\0{PASSWORD}") => {
                let next = self.answer(At::Login, "235 2.7.0 welcome").await;
                self.signed_in = true;
                next
            }
            Some(_) => self.say("535 5.7.8 wrong").await.map(|()| Next::Listen),
        }
    }

    async fn mail(&mut self, rest: &str) -> io::Result<Next> {
        if self.from.is_some() {
            return self.refuse("503 5.5.1 one at a time", "MAIL within a letter").await;
        }
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return self.refuse("501 5.5.4 what", "MAIL without an address").await;
        };
        let mut envelope = Envelope { address, size: None, eight_bit: false };
        for parameter in parameters.split_whitespace() {
            match parameter.split_once('=') {
                Some(("SIZE", size)) if size.parse::<usize>().is_ok() => envelope.size = size.parse().ok(),
                Some(("BODY", "8BITMIME")) => envelope.eight_bit = true,
                _ => return self.refuse("555 5.5.4 what", "a parameter that was not offered").await,
            }
        }
        if envelope.size.is_some_and(|size| size > LONGEST) {
            return self.refuse("552 5.3.4 too long", "a letter that is announced as too long").await;
        }
        self.desk.book().asked += 1;
        let say = self.desk.say(At::From);
        match say {
            Some(say) => self.misbehave(say, "250 2.1.0 ok").await,
            None => {
                self.from = Some(envelope);
                self.say("250 2.1.0 ok").await.map(|()| Next::Listen)
            }
        }
    }

    async fn recipient(&mut self, rest: &str) -> io::Result<Next> {
        let (Some(_), None) = (&self.from, &self.to) else {
            return self.refuse("503 5.5.1 not now", "RCPT without MAIL, or a second one").await;
        };
        let Some((address, "")) = path(rest, "TO:").as_ref().map(|(to, rest)| (to.clone(), rest.as_str()))
        else {
            return self.refuse("501 5.5.4 what", "RCPT without an address").await;
        };
        if self.desk.book().unknown.contains(&address) {
            return self.say("550 5.1.1 no such mailbox").await.map(|()| Next::Listen);
        }
        match self.desk.say(At::To) {
            Some(say) => self.misbehave(say, "250 2.1.5 ok").await,
            None => {
                self.to = Some(address);
                self.say("250 2.1.5 ok").await.map(|()| Next::Listen)
            }
        }
    }

    async fn data(&mut self) -> io::Result<Next> {
        let (Some(from), Some(to)) = (self.from.take(), self.to.take()) else {
            return self.refuse("503 5.5.1 not now", "DATA without MAIL and RCPT").await;
        };
        if let Some(say) = self.desk.say(At::Data) {
            return self.misbehave(say, "354 go on").await;
        }
        self.say("354 go on").await?;
        let mut text = Text::default();
        loop {
            match line::read(&mut self.stream).await {
                None => return Ok(Next::End),
                Some(Err(complaint)) => {
                    self.desk.complain(complaint);
                    return Ok(Next::End);
                }
                Some(Ok(line)) if text.take(&line) => break,
                Some(Ok(_)) => {}
            }
        }
        let letter = match check(&from, &to, &text) {
            Ok(letter) => letter,
            Err(complaint) => return self.refuse("554 5.6.0 no letter", &complaint).await,
        };
        let say = self.desk.say(At::Content);
        if matches!(say, None | Some(Say::TakeAndClose)) {
            self.desk.book().taken.push(letter);
        }
        match say {
            Some(say) => self.misbehave(say, "250 2.0.0 taken").await,
            None => self.say("250 2.0.0 taken as 4711").await.map(|()| Next::Listen),
        }
    }
}

fn check(from: &Envelope, to: &str, text: &Text) -> Result<letter::Received, String> {
    if let Some(wrong) = text.wrong {
        return Err(wrong.to_owned());
    }
    if text.bytes.len() > LONGEST {
        return Err("the letter is too long".to_owned());
    }
    // What is announced may leave out the last line break.
    if from.size.is_some_and(|size| text.bytes.len().abs_diff(size) > 2) {
        return Err(format!("{:?} bytes were announced, {} came", from.size, text.bytes.len()));
    }
    if !text.bytes.is_ascii() && !from.eight_bit {
        return Err("eight bits without BODY=8BITMIME".to_owned());
    }
    letter::read(&from.address, to, &text.bytes)
}

/// Address and parameters of `FROM:<a@b> SIZE=1`.
fn path(rest: &str, keyword: &str) -> Option<(String, String)> {
    let (address, parameters) = rest.strip_prefix(keyword)?.strip_prefix('<')?.split_once('>')?;
    let (name, domain) = address.split_once('@')?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'@' | b',' | b'"');
    let is_one = !name.is_empty() && !domain.is_empty() && name.bytes().chain(domain.bytes()).all(plain);
    (is_one && (parameters.is_empty() || parameters.starts_with(' ')))
        .then(|| (address.to_owned(), parameters.trim_start().to_owned()))
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()
}
