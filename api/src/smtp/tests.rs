//! How a letter is written, what a reply means, and that nothing can be smuggled in. The talk itself stands among the tests
//! of the stand-in.

use naryad_domain::clock::ManualClock;
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    refusal::{Step, refusal},
    wire::{Reply, Wire},
    *,
};

const ID: &str = "0195a3c0-0000-7000-8000-000000000001";

fn message(to: &str, subject: &str, text: &str) -> MailMessage {
    MailMessage {
        id: ID.parse::<Uuid>().unwrap(),
        to: to.to_owned(),
        subject: subject.to_owned(),
        text: text.to_owned(),
    }
}

fn written(to: &str, subject: &str, text: &str) -> Result<Letter, SendError> {
    let sender = Sender::parse("УК «Дом» <ads@example.org>").unwrap();
    Letter::write(&sender, &message(to, subject, text), "2026-03-02T09:00:00Z".parse().unwrap())
}

fn text_of(letter: &Letter) -> String {
    String::from_utf8(letter.bytes.clone()).unwrap()
}

#[test]
fn a_letter_has_all_its_parts_and_a_double_the_same_name() {
    let letter = written("lift@example.com", "Заявка 12 передана", "Строка.\n.точка\n").unwrap();
    let text = text_of(&letter);
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    for line in [
        &format!("Message-ID: <{ID}@example.org>"),
        "Date: Mon, 02 Mar 2026 09:00:00 +0000",
        "To: lift@example.com",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(head.lines().any(|one| one == line), "{line}\n{head}");
    }
    assert!(text.is_ascii());
    assert_eq!((letter.from.as_str(), letter.to.as_str()), ("ads@example.org", "lift@example.com"));
    let again = written("lift@example.com", "Заявка 12 передана", "Строка.\n.точка\n").unwrap();
    assert_eq!(letter.bytes, again.bytes);
}

#[test]
fn a_domain_in_cyrillic_is_written_as_servers_read_it() {
    let letter = written("dom@почта.рф", "x", "x").unwrap();
    assert_eq!(letter.to, "dom@xn--80a1acny.xn--p1ai");
    let refused = written("дом@почта.рф", "x", "x").err();
    assert!(matches!(refused, Some(SendError::Refused(_))), "{refused:?}");
}

#[test]
fn what_was_never_an_address_is_dead() {
    for to in [
        "",
        "nobody",
        "@example.org",
        "a@",
        "a b@example.org",
        "a@10.0.0.1",
        "a@b\r\nRCPT TO:<c@d>",
        "a>@b.org",
        "a\r\n@b.org",
        "<a@b.org>",
        "a@b.org>, <c@d.org",
        "\"a\"@b.org",
        "a,b@c.org, d@e.org",
    ] {
        assert_eq!(written(to, "x", "x").err(), Some(SendError::Dead), "{to}");
    }
}

#[test]
fn a_subject_is_one_line() {
    for subject in ["a\r\nBcc: c@d.org", "a\nb", "a\rb", "a\0", &"x".repeat(999)] {
        let refused = written("a@b.org", subject, "x").err();
        assert_eq!(refused, Some(SendError::Refused("the subject is not one line".to_owned())));
    }
}

#[test]
fn a_sender_is_an_address() {
    for good in ["ads@example.org", "ADS <ads@example.org>", "\"УК, Дом\" <ads@xn--80a1acny.xn--p1ai>"] {
        assert!(Sender::parse(good).is_ok(), "{good}");
    }
    for bad in ["", "ads", "a@b.org\r\nBcc: c@d.org", "A\nB <a@b.org>", "a@b.org, c@d.org"] {
        assert!(Sender::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_server_elsewhere_is_never_spoken_to_in_the_clear() {
    let settings = |host: &str, tls| SmtpSettings {
        host: host.to_owned(),
        port: None,
        tls,
        login: None,
        password: None,
        from: "ads@example.org".to_owned(),
        ca_file: None,
    };
    let open = |settings: &SmtpSettings| {
        SmtpMail::open(settings, Arc::new(ManualClock::at("2026-03-02T09:00:00Z".parse().unwrap())))
    };
    for here in ["127.0.0.1", "::1", "localhost"] {
        assert!(open(&settings(here, SmtpTls::None)).is_ok());
    }
    for elsewhere in ["mail.example.org", "10.0.0.1", "127.0.0.1.example.org"] {
        assert!(open(&settings(elsewhere, SmtpTls::None)).is_err());
        assert!(open(&settings(elsewhere, SmtpTls::Starttls)).is_ok());
    }
    let half = SmtpSettings { login: Some("ads".to_owned()), ..settings("localhost", SmtpTls::None) };
    assert!(open(&half).unwrap_err().message().contains("smtp_password"));
    let absent =
        SmtpSettings { ca_file: Some("/nowhere/ca.pem".into()), ..settings("a.org", SmtpTls::Starttls) };
    assert!(open(&absent).is_err());
    let whole = SmtpSettings { password: Some("SECRET".to_owned()), ..half };
    let shown = format!("{whole:?} {:?}", open(&whole).unwrap());
    assert!(!shown.contains("SECRET"), "{shown}");
}

/// Hears one reply from these bytes.
async fn heard(bytes: &[u8]) -> Result<Reply, SendError> {
    let (mut theirs, ours) = tokio::io::duplex(1 << 20);
    tokio::io::AsyncWriteExt::write_all(&mut theirs, bytes).await.unwrap();
    drop(theirs);
    Wire::over(Box::new(ours)).reply().await
}

#[tokio::test]
async fn each_refusal_means_one_thing() {
    let refused = |word: &str| SendError::Refused(word.to_owned());
    let busy = SendError::Busy { retry_after: None };
    for (step, said, meant) in [
        (Step::To, "550 5.1.1 no such user", SendError::Dead),
        (Step::To, "550 no such user", SendError::Dead),
        (Step::To, "550-5.1.1 no\r\n550 5.1.1 such user", SendError::Dead),
        (Step::To, "556 5.1.10 null MX", SendError::Dead),
        (Step::To, "550 5.7.1 we do not like you", refused("recipient: 550 5.7.1")),
        (Step::To, "552 5.2.2 full", refused("recipient: 552 5.2.2")),
        (Step::To, "501 syntax", refused("recipient: 501")),
        // A class that does not fit is no enhanced code.
        (Step::To, "550 4.7.1 odd", SendError::Dead),
        (Step::To, "450 4.2.0 greylisted", busy.clone()),
        (Step::To, "421 going down", busy.clone()),
        (Step::From, "550 5.1.1 odd", refused("sender: 550 5.1.1")),
        (Step::From, "452 4.3.1 full", busy.clone()),
        (Step::Login, "535 5.7.8 a@b.org is wrong", refused("login: 535 5.7.8")),
        (Step::Login, "454 4.7.0 later", busy.clone()),
        (Step::Content, "554 5.7.1 spam", refused("text: 554 5.7.1")),
        (Step::Content, "550 5.1.1 no such user", SendError::Dead),
        (Step::Content, "550 something", refused("text: 550")),
        (Step::Greeting, "554 not for you", refused("greeting: 554")),
        (Step::Data, "250 ok", SendError::Down("DATA: 250".to_owned())),
    ] {
        let reply = heard(format!("{said}\r\n").as_bytes()).await.unwrap();
        assert_eq!(refusal(step, &reply), meant, "{step:?} {said}");
    }
}

#[tokio::test]
async fn what_is_no_reply_is_not_understood() {
    let long = format!("250-{}\r\n", "x".repeat(4000));
    let endless = "250-x\r\n".repeat(1000);
    for said in [
        "",
        "\r\n",
        "250",
        "25\r\n",
        "650 x\r\n",
        "abc\r\n",
        "250x\r\n",
        "250-a\r\n251 b\r\n",
        "250-a\r\n",
        "HTTP/1.1 400 Bad Request\r\n",
        &long,
        &endless,
    ] {
        assert!(matches!(heard(said.as_bytes()).await, Err(SendError::Down(_))), "{said:.40}");
    }
    assert_eq!(heard(b"250\r\n").await.unwrap().code, 250);
    assert_eq!(heard(b"250 bare\n").await.unwrap().code, 250);
}

#[tokio::test]
async fn words_before_tls_do_not_count_after_it() {
    let (mut theirs, ours) = tokio::io::duplex(1024);
    let mut wire = Wire::over(Box::new(ours));
    tokio::io::AsyncWriteExt::write_all(&mut theirs, b"220 go\r\n250 injected\r\n").await.unwrap();
    assert_eq!(wire.reply().await.unwrap().code, 220);
    assert!(wire.into_stream().is_none());
}

/// A server's reading: lines up to the lone dot, without the added ones.
fn read_back(wire: &[u8]) -> (String, usize) {
    let text = std::str::from_utf8(wire).unwrap();
    let end = text.find("\r\n.\r\n").map_or(0, |at| at + 2);
    let lines = text[..end].split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line));
    (lines.collect(), end + 3)
}

proptest! {
    /// Whatever the text: one letter arrives, as it was written, in short lines of ASCII.
    #[test]
    fn a_letter_arrives_as_it_was_written(text in "(?s)[a-zа-я .\\r\\n\\t\\x00-\\x1f<>]{0,400}", subject in "[а-яa-z =?<>,\"@:]{0,120}") {
        let letter = written("a@b.org", &subject, &text).unwrap();
        let wire = letter.stuffed().expect("lines that go over the wire");
        let (read, consumed) = read_back(&wire);
        prop_assert_eq!(consumed, wire.len(), "a second letter would follow");
        let whole = text_of(&letter);
        prop_assert_eq!(read.trim_end_matches("\r\n"), whole.trim_end_matches("\r\n"));
        let (head, _) = read.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split(':').next().unwrap().to_ascii_lowercase())
            .collect();
        let mut expected = vec!["message-id", "date", "from", "to", "subject", "auto-submitted", "mime-version",
            "content-type", "content-transfer-encoding"];
        expected.sort_unstable();
        let mut names: Vec<_> = names.iter().map(String::as_str).collect();
        names.sort_unstable();
        prop_assert_eq!(names, expected);
    }

    /// No recipient or subject brings a header or a command of its own.
    #[test]
    fn nothing_is_smuggled_in(to in "(?s).{0,60}", subject in "(?s).{0,60}") {
        for (to, subject) in [(to.as_str(), "x"), ("a@b.org", subject.as_str()), (to.as_str(), subject.as_str())] {
            if let Ok(letter) = written(to, subject, "x") {
                let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'<' && byte != b'>';
                prop_assert!(letter.to.bytes().all(plain));
                prop_assert!(letter.stuffed().is_some());
                let head = text_of(&letter);
                let bcc = head.to_ascii_lowercase().lines().any(|line| line.starts_with("bcc"));
                prop_assert!(!bcc);
            }
        }
    }

    /// Bytes that do not make whole lines of ASCII never reach a server.
    #[test]
    fn only_whole_lines_go_out(bytes in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a'), any::<u8>()], 0..60)) {
        if let Some(out) = letter::stuffed(&bytes) {
            let (_, consumed) = read_back(&[b"\r\n", out.as_slice()].concat());
            prop_assert_eq!(consumed, out.len() + 2);
        }
    }

    /// Noise is never a yes, breaks nothing, and its words are not in what is told.
    #[test]
    fn noise_is_no_reply_and_is_not_told(noise in "\\PC{0,100}", code in 200_u16..600) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _ = runtime.block_on(heard(noise.as_bytes()));
        let reply = runtime.block_on(heard(format!("{code} {noise}\r\n").as_bytes()));
        if let Ok(reply) = reply {
            let told = refusal(Step::To, &reply).to_string();
            let word = reply.word();
            prop_assert!(word.chars().all(|letter| letter.is_ascii_digit() || " .".contains(letter)), "{word}");
            prop_assert!(told.is_ascii());
        }
    }
}
