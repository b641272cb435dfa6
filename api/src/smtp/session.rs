//! One connection to the server, from the greeting to the farewell.

use std::{fmt, net::SocketAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use naryad_domain::channel::{SendError, Taken};
use tokio::net::TcpStream;

use super::{
    letter::Letter,
    refusal::{Step, refusal},
    tls::Security,
    wire::{self, Reply, Stream, Wire, down},
};

/// A server that does not take a connection in this time is down.
const CONNECT: Duration = Duration::from_secs(5);

/// Where letters go.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) login: Option<Login>,
}

/// It never shows itself.
pub(super) struct Login {
    pub(super) name: String,
    pub(super) password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// What a server says it can.
#[derive(Debug, Default)]
struct Features {
    starttls: bool,
    plain: bool,
    login: bool,
    /// `SIZE` is understood.
    sizes: bool,
    /// Longer letters are not taken, in bytes.
    longest: Option<usize>,
}

impl Features {
    fn of(reply: &Reply) -> Self {
        let mut features = Self::default();
        // The first line is the name of the server.
        for line in reply.lines().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split_whitespace();
            match words.next() {
                Some("STARTTLS") => features.starttls = true,
                Some("SIZE") => {
                    features.sizes = true;
                    // 0: it does not say.
                    features.longest =
                        words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0);
                }
                Some("AUTH") => {
                    for mechanism in words {
                        features.plain |= mechanism == "PLAIN";
                        features.login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        features
    }
}

/// A connection that is let in.
#[derive(Debug)]
pub(super) struct Session {
    wire: Wire,
    features: Features,
    letters: u32,
    usable: bool,
}

impl Session {
    /// Connects, makes it safe, signs in.
    pub(super) async fn open(server: &Server) -> Result<Self, SendError> {
        let connecting = async {
            TcpStream::connect((server.host.as_str(), server.port)).await.map_err(|_| down("no connection"))
        };
        let stream = wire::in_time(CONNECT, connecting).await?;
        let hello = stream.local_addr().map(hello).map_err(|_| down("no connection"))?;
        let mut stream: Box<dyn Stream> = Box::new(stream);
        if let Security::Implicit(tls) = &server.security {
            stream = tls.over(stream).await?;
        }
        let mut wire = Wire::over(stream);
        expect(Step::Greeting, wire.reply().await?, &[220])?;
        let mut features = Features::of(&expect(Step::Hello, wire.command(&hello).await?, &[250])?);
        if let Security::Starttls(tls) = &server.security {
            if !features.starttls {
                return Err(SendError::Refused("the server offers no STARTTLS".to_owned()));
            }
            expect(Step::StartTls, wire.command("STARTTLS").await?, &[220])?;
            let stream = wire.into_stream().ok_or_else(|| down("the server spoke out of turn"))?;
            wire = Wire::over(tls.over(stream).await?);
            // What was said in the clear counts no more (RFC 3207, section 4.2).
            features = Features::of(&expect(Step::Hello, wire.command(&hello).await?, &[250])?);
        }
        let mut session = Self { wire, features, letters: 0, usable: true };
        if let Some(login) = &server.login {
            session.sign_in(login).await?;
        }
        Ok(session)
    }

    async fn sign_in(&mut self, Login { name, password }: &Login) -> Result<(), SendError> {
        let encode = |text: &str| STANDARD.encode(text);
        if self.features.plain {
            let secret = encode(&format!("\0{name}\0{password}"));
            let reply = self.wire.command(&format!("AUTH PLAIN {secret}")).await?;
            expect(Step::Login, reply, &[235])?;
        } else if self.features.login {
            expect(Step::Login, self.wire.command("AUTH LOGIN").await?, &[334])?;
            expect(Step::Login, self.wire.command(&encode(name)).await?, &[334])?;
            expect(Step::Login, self.wire.command(&encode(password)).await?, &[235])?;
        } else {
            return Err(SendError::Refused("the server offers no way to sign in that we know".to_owned()));
        }
        Ok(())
    }

    /// Hands one letter over.
    pub(super) async fn send(&mut self, letter: &Letter) -> Result<Taken, SendError> {
        let stuffed = letter
            .stuffed()
            .ok_or_else(|| SendError::Refused("the letter has lines that no server takes".to_owned()))?;
        if self.features.longest.is_some_and(|longest| letter.bytes.len() > longest) {
            return Err(SendError::Refused("the letter is too long for the server".to_owned()));
        }
        self.letters += 1;
        let size = if self.features.sizes { format!(" SIZE={}", letter.bytes.len()) } else { String::new() };
        self.step(Step::From, &format!("MAIL FROM:<{}>{size}", letter.from), &[250]).await?;
        self.step(Step::To, &format!("RCPT TO:<{}>", letter.to), &[250, 251]).await?;
        self.step(Step::Data, "DATA", &[354]).await?;
        self.usable = false;
        let reply = self.wire.content(&stuffed).await.map_err(lost)?;
        self.usable = reply.code != 421;
        expect(Step::Content, reply, &[250])?;
        Ok(Taken::default())
    }

    /// One command of a letter. A talk that is cut in it, or that the server ends, is of no use any more.
    async fn step(&mut self, step: Step, line: &str, hoped: &[u16]) -> Result<(), SendError> {
        self.usable = false;
        let reply = self.wire.command(line).await?;
        // After a 354 that was not asked for nobody knows where the talk stands.
        self.usable = reply.code != 421 && (reply.code / 100 != 3 || hoped.contains(&reply.code));
        expect(step, reply, hoped).map(drop)
    }

    /// Whether the connection still stands, with nothing begun.
    pub(super) async fn reset(&mut self) -> bool {
        self.wire.command("RSET").await.is_ok_and(|reply| reply.code == 250)
    }

    /// Says farewell; whatever comes of it.
    pub(super) async fn quit(mut self) {
        let _ = self.wire.command("QUIT").await;
    }

    /// Whether another letter may follow.
    pub(super) fn is_usable(&self) -> bool {
        self.usable
    }

    /// How many letters were begun on it.
    pub(super) fn letters(&self) -> u32 {
        self.letters
    }
}

fn expect(step: Step, reply: Reply, hoped: &[u16]) -> Result<Reply, SendError> {
    if hoped.contains(&reply.code) { Ok(reply) } else { Err(refusal(step, &reply)) }
}

/// The text is out, its answer is not here: nobody knows.
fn lost(failure: SendError) -> SendError {
    match failure {
        SendError::Down(what) => {
            SendError::Down(format!("no answer to the text ({what}); it may have been taken"))
        }
        other => other,
    }
}

/// We say who we are by our address (RFC 5321, section 4.1.3): a name we might not have.
fn hello(own: SocketAddr) -> String {
    match own.ip().to_canonical() {
        std::net::IpAddr::V4(address) => format!("EHLO [{address}]"),
        std::net::IpAddr::V6(address) => format!("EHLO [IPv6:{address}]"),
    }
}
