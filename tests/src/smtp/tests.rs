//! The way to a mail server and its stand-in, each by the other.

use std::sync::Arc;

use futures_util::future::join_all;
use naryad_api::smtp::{SmtpMail, SmtpSettings, SmtpTls};
use naryad_domain::{
    channel::{Mail, MailMessage, SendError, Taken},
    clock::FileClock,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::HandClock;

struct Scene {
    server: MailServer,
    mail: SmtpMail,
    clock: HandClock,
    _folder: TempDir,
}

fn settings(server: &MailServer) -> SmtpSettings {
    let clear = server.mode == Mode::Clear;
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: Some(server.port()),
        tls: match server.mode {
            Mode::Starttls => SmtpTls::Starttls,
            Mode::Implicit => SmtpTls::Implicit,
            Mode::Clear => SmtpTls::None,
        },
        login: (!clear).then(|| LOGIN.to_owned()),
        password: (!clear).then(|| PASSWORD.to_owned()),
        from: "УК «Дом» <ads@example.org>".to_owned(),
        ca_file: (!clear).then(|| server.authority().to_owned()),
    }
}

fn open(settings: &SmtpSettings, clock: &HandClock) -> SmtpMail {
    SmtpMail::open(settings, Arc::new(FileClock::open(clock.path().to_owned()).unwrap())).unwrap()
}

impl Scene {
    async fn new(mode: Mode) -> Self {
        Self::at(MailServer::start(mode).await)
    }

    fn at(server: MailServer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = HandClock::new(folder.path());
        let mail = open(&settings(&server), &clock);
        Self { server, mail, clock, _folder: folder }
    }

    async fn send(&self) -> Result<Taken, SendError> {
        self.mail.send(&message("lift@example.com")).await
    }
}

fn message(to: &str) -> MailMessage {
    MailMessage {
        id: Uuid::now_v7(),
        to: to.to_owned(),
        subject: "Заявка 2026-000012 передана вам: застрял лифт, человек внутри".to_owned(),
        text: "Адрес: Лесная, 5.\n.Точка в начале строки\n\nСрок: 15:30\n".to_owned(),
    }
}

fn down(what: &str) -> Result<Taken, SendError> {
    Err(SendError::Down(what.to_owned()))
}

fn refused(what: &str) -> Result<Taken, SendError> {
    Err(SendError::Refused(what.to_owned()))
}

#[tokio::test]
async fn a_letter_arrives_as_it_was_meant_whatever_the_way() {
    for mode in [Mode::Starttls, Mode::Implicit, Mode::Clear] {
        let scene = Scene::new(mode).await;
        let message = message("lift@example.com");
        scene.mail.probe().await.unwrap();
        scene.mail.send(&message).await.unwrap();
        let received = Received {
            from: "ads@example.org".to_owned(),
            to: "lift@example.com".to_owned(),
            message_id: format!("{}@example.org", message.id),
            date: scene.clock.now(),
            from_name: "УК «Дом»".to_owned(),
            subject: message.subject.clone(),
            text: message.text.clone(),
        };
        assert_eq!(scene.server.taken(), [received], "{mode:?}");
    }
}

#[tokio::test]
async fn old_servers_are_signed_in_to_as_well() {
    let scene = Scene::new(Mode::Implicit).await;
    scene.server.offer_login_only();
    scene.send().await.unwrap();
}

#[tokio::test]
async fn connections_are_used_again_and_never_too_many() {
    let scene = Scene::new(Mode::Starttls).await;
    for _ in 0..5 {
        scene.send().await.unwrap();
    }
    assert_eq!(scene.server.connections(), 1);
    let all = join_all((0..12).map(|_| scene.send())).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert!(scene.server.connections() <= 4, "{}", scene.server.connections());
    // One that the server has given up meanwhile is made anew, and nobody sees it.
    scene.server.say(At::Reset, [Say::Close, Say::Line("421 4.4.2 too long idle"), Say::Line("500 what")]);
    scene.send().await.unwrap();
    assert_eq!(scene.server.taken().len(), 18);
}

#[tokio::test]
async fn each_refusal_is_told_by_what_can_be_done() {
    let scene = Scene::new(Mode::Starttls).await;
    let busy = Err(SendError::Busy { retry_after: None });
    scene.server.forget("nobody@example.com");
    assert_eq!(scene.mail.send(&message("nobody@example.com")).await, Err(SendError::Dead));
    assert_eq!(scene.mail.send(&message("no address")).await, Err(SendError::Dead));
    for (at, line, meant) in [
        (At::From, "452 4.3.1 no room", busy.clone()),
        (At::From, "550 5.7.1 not you", refused("sender: 550 5.7.1")),
        (At::To, "450 4.2.0 greylisted", busy.clone()),
        (At::To, "550 no such user", Err(SendError::Dead)),
        (At::To, "553 5.1.3 what", Err(SendError::Dead)),
        (At::To, "550 5.7.1 we do not like you", refused("recipient: 550 5.7.1")),
        (At::To, "552-5.2.2 full\r\n552 5.2.2 write to lift@example.com", refused("recipient: 552 5.2.2")),
        (At::Data, "451 4.3.0 later", busy.clone()),
        (At::Data, "554 5.5.1 no recipients", refused("DATA: 554 5.5.1")),
        (At::Content, "421 4.3.2 going down", busy.clone()),
        (At::Content, "554 5.7.1 spam", refused("text: 554 5.7.1")),
        (At::Content, "550 5.1.1 no such user", Err(SendError::Dead)),
    ] {
        scene.server.say(at, [Say::Line(line)]);
        assert_eq!(scene.send().await, meant, "{at:?} {line}");
    }
    scene.send().await.unwrap();
    assert_eq!(scene.server.taken().len(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_is_told_of() {
    let busy = Err(SendError::Busy { retry_after: None });
    for (at, say, meant) in [
        (At::Greeting, Say::Line("554 5.7.1 not for you"), refused("greeting: 554 5.7.1")),
        (At::Greeting, Say::Line("421 4.3.2 later"), busy.clone()),
        (At::Greeting, Say::Line("HTTP/1.1 200 OK"), down("what came is no reply")),
        (At::Hello, Say::Line("502 5.5.1 what"), refused("EHLO: 502 5.5.1")),
        (At::Hello, Say::Bare, refused("the server offers no STARTTLS")),
        (At::StartTls, Say::Line("454 4.7.0 no TLS now"), busy.clone()),
        (At::Login, Say::Line("454 4.7.0 later"), busy.clone()),
        (At::Login, Say::Close, down("the connection broke")),
    ] {
        let scene = Scene::new(Mode::Starttls).await;
        scene.server.say(at, [say]);
        assert_eq!(scene.send().await, meant, "{at:?} {say:?}");
        assert_eq!(scene.server.asked(), 0);
        scene.send().await.unwrap();
    }
    let scene = Scene::new(Mode::Starttls).await;
    let wrong = SmtpSettings { password: Some("SECRET".to_owned()), ..settings(&scene.server) };
    let told = open(&wrong, &scene.clock).probe().await;
    assert_eq!(told, Err(SendError::Refused("login: 535 5.7.8".to_owned())));
}

#[tokio::test]
async fn no_certificate_but_a_good_one_is_accepted() {
    for mode in [Mode::Starttls, Mode::Implicit] {
        let scene = Scene::new(mode).await;
        let unknown = SmtpSettings { ca_file: None, ..settings(&scene.server) };
        let told = open(&unknown, &scene.clock).send(&message("a@b.org")).await;
        assert_eq!(told, down("TLS: nobody we trust has signed the certificate"));
        assert_eq!(scene.server.asked(), 0);

        let scene = Scene::at(MailServer::start_as(mode, "mail.example.org").await);
        assert_eq!(scene.send().await, down("TLS: the certificate is for another name"));
        assert_eq!(scene.server.asked(), 0);
    }
    // TLS to one that speaks in the clear.
    let scene = Scene::new(Mode::Clear).await;
    let implicit = SmtpSettings { tls: SmtpTls::Implicit, ..settings(&scene.server) };
    let told = open(&implicit, &scene.clock).probe().await;
    assert_eq!(told, Err(SendError::Down("TLS: the server speaks no TLS".to_owned())));
    let _ = scene.server.take_complaints();
}

#[tokio::test]
async fn what_is_said_before_tls_is_not_heard_after_it() {
    let scene = Scene::new(Mode::Starttls).await;
    scene.server.say(At::StartTls, [Say::Ahead("250 stand-in.example")]);
    assert_eq!(scene.send().await, down("the server spoke out of turn"));
    assert_eq!(scene.server.asked(), 0);
}

#[tokio::test]
async fn an_answer_ahead_of_its_question_is_no_answer() {
    let scene = Scene::new(Mode::Clear).await;
    scene.server.say(At::From, [Say::Ahead("250 2.1.5 ok")]);
    assert!(matches!(scene.send().await, Err(SendError::Down(_))));
    assert_eq!(scene.server.taken(), []);
}

#[tokio::test]
async fn a_lost_answer_may_have_been_a_yes_and_the_double_is_known_as_one() {
    let scene = Scene::new(Mode::Starttls).await;
    let message = message("lift@example.com");
    scene.server.say(At::Content, [Say::TakeAndClose]);
    let lost = "no answer to the text (the connection broke); it may have been taken";
    assert_eq!(scene.mail.send(&message).await, down(lost));
    scene.mail.send(&message).await.unwrap();
    let ids: Vec<_> = scene.server.taken().into_iter().map(|letter| letter.message_id).collect();
    assert_eq!(ids, vec![format!("{}@example.org", message.id); 2]);
}

#[tokio::test]
async fn a_server_that_is_silent_endless_or_gone_is_down() {
    let talks = [
        (At::Greeting, Say::Silence),
        (At::To, Say::Silence),
        (At::Hello, Say::Endless),
        (At::Data, Say::Close),
    ];
    let told = join_all(talks.map(async |(at, say)| {
        let scene = Scene::new(Mode::Starttls).await;
        scene.server.say(at, [say]);
        scene.send().await
    }))
    .await;
    assert_eq!(
        told,
        [down("time is up"), down("time is up"), down("what came is no reply"), down("the connection broke")]
    );
    let scene = Scene::new(Mode::Clear).await;
    // The port of nobody.
    let gone = SmtpSettings { port: Some(9), ..settings(&scene.server) };
    let mail = open(&gone, &scene.clock);
    for _ in 0..5 {
        assert_eq!(mail.send(&message("a@b.org")).await, down("no connection"));
    }
    // It is left alone now.
    assert!(matches!(mail.send(&message("a@b.org")).await, Err(SendError::Busy { retry_after: Some(_) })));
}

#[tokio::test]
async fn a_letter_that_is_too_long_is_not_begun() {
    let scene = Scene::new(Mode::Clear).await;
    let long = MailMessage { text: "очень длинно ".repeat(8000), ..message("a@b.org") };
    assert_eq!(scene.mail.send(&long).await, refused("the letter is too long for the server"));
    assert_eq!(scene.server.asked(), 0);
}

#[tokio::test]
async fn whatever_fails_by_a_seed_every_letter_that_was_told_taken_arrived() {
    let scene = Scene::new(Mode::Clear).await;
    scene.server.fail(42, 20);
    let mut lost = 0;
    for number in 0..60 {
        let message = message(&format!("to{number}@example.com"));
        let mut tries = 0;
        loop {
            tries += 1;
            assert!(tries < 50, "{number}");
            match scene.mail.send(&message).await {
                Ok(_) => break,
                Err(SendError::Busy { retry_after: Some(pause) }) => {
                    scene.clock.advance(pause);
                }
                Err(SendError::Down(why)) => lost += usize::from(why.contains("may have been taken")),
                Err(SendError::Busy { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    let taken = scene.server.taken();
    let names: BTreeSet<_> = taken.iter().map(|letter| letter.message_id.clone()).collect();
    assert_eq!(names.len(), 60);
    assert_eq!(taken.len(), 60 + lost, "a double comes of a lost answer and of nothing else");
    assert!(lost > 0, "the seed made no answer go missing");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever stands in a message: one letter arrives with just this subject and text, or none does.
    #[test]
    fn nothing_is_smuggled_past_the_server(
        to in prop_oneof![3 => Just("a@b.org".to_owned()), 1 => "[a-z@.<>\\r\\n ,;\"]{0,30}", 1 => "a@b.org\\r\\n(RCPT|DATA).{0,10}"],
        subject in prop_oneof!["[а-яA-Z ?=_.,<>@\"]{1,80}", "([a ]|=\\?utf-8\\?[bq]\\?0LA=\\?=){0,6}", "(?s).{0,40}\\r?\\n(Bcc|To): x@y.org"],
        text in "(?s)([а-яa-z =]{0,90}(\\r\\n|\\n|\\r|\\.|\\r\\n\\.\\r\\n|\\n\\.\\n)){0,8}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new(Mode::Clear).await;
            let message = MailMessage { subject: subject.clone(), text: text.clone(), ..message(&to) };
            let told = scene.mail.send(&message).await;
            let taken = scene.server.taken();
            prop_assert_eq!(taken.len(), usize::from(told.is_ok()), "{:?}", told);
            for letter in taken {
                prop_assert_eq!(&letter.subject, &subject);
                let meant = text.replace("\r\n", "\n").replace('\r', "\n");
                prop_assert_eq!(letter.text.trim_end_matches('\n'), meant.trim_end_matches('\n'));
                prop_assert_eq!(letter.to, to.trim());
            }
            prop_assert!(scene.server.take_complaints().is_empty());
            Ok(())
        })?;
    }
}
