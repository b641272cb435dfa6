//! The ways to the gateways and their stand-in, each by the other.

use std::sync::Arc;

use chrono::TimeDelta;
use naryad_api::sms::{Gateway, SmsGateway, SmsSettings};
use naryad_domain::{
    channel::{SendError, Sms, SmsMessage, SmsStatus},
    clock::FileClock,
};
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

const PHONE: &str = "+79161234567";
const TEXT: &str = "Наряд 12: мастер «Анна» в пути & скоро будет +1, 100 %";

struct Scene {
    gate: Gate,
    sms: SmsGateway,
    clock: HandClock,
    _folder: TempDir,
}

fn settings(dialect: Dialect, endpoint: &str) -> SmsSettings {
    let gateway = match dialect {
        Dialect::Smsc => Gateway::Smsc,
        Dialect::SmsRu => Gateway::SmsRu,
        Dialect::SmsAero => Gateway::SmsAero,
    };
    SmsSettings {
        gateway,
        login: Some(LOGIN.to_owned()),
        secret: SECRET.to_owned(),
        sender: Some(SENDER.to_owned()),
        endpoint: Some(endpoint.to_owned()),
        per_second: 1000,
    }
}

impl Scene {
    async fn new(dialect: Dialect) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = HandClock::new(folder.path());
        let gate = Gate::start(&clock).await;
        let sms = open(&settings(dialect, gate.url()), &clock);
        Self { gate, sms, clock, _folder: folder }
    }

    async fn send(&self) -> Result<String, SendError> {
        self.sms.send(&message()).await.map(|taken| taken.reference.expect("a reference"))
    }

    /// What is told when this is said to one message. The row of failures never gets long enough for the guard.
    async fn told(&self, say: Say) -> SendError {
        self.gate.say([Say::TooMany(None), say]);
        assert_eq!(self.send().await, Err(SendError::Busy { retry_after: None }));
        self.send().await.unwrap_err()
    }
}

fn open(settings: &SmsSettings, clock: &HandClock) -> SmsGateway {
    let clock = FileClock::open(clock.path().to_owned()).unwrap();
    SmsGateway::open(settings, Arc::new(clock)).unwrap()
}

fn message() -> SmsMessage {
    SmsMessage { id: Uuid::now_v7(), to: PHONE.to_owned(), text: TEXT.to_owned() }
}

fn busy(seconds: Option<i64>) -> SendError {
    SendError::Busy { retry_after: seconds.map(TimeDelta::seconds) }
}

fn down(why: &str) -> SendError {
    SendError::Down(why.to_owned())
}

#[tokio::test]
async fn a_message_is_taken_letter_by_letter_and_its_way_is_told() {
    for (dialect, delivered, failed) in
        [(Dialect::Smsc, 1, 20), (Dialect::SmsRu, 103, 104), (Dialect::SmsAero, 1, 2)]
    {
        let scene = Scene::new(dialect).await;
        let message = message();
        let reference = scene.sms.send(&message).await.unwrap().reference.unwrap();
        let sent = scene.gate.sent();
        let [sent] = &sent[..] else { panic!("{sent:?}") };
        let parts = (sent.dialect, &*sent.to, &*sent.text, sent.sender.as_deref(), &*sent.reference);
        assert_eq!(parts, (dialect, "79161234567", TEXT, Some(SENDER), &*reference));

        assert_eq!(
            scene.sms.status(&message, &reference).await,
            Ok(Some(SmsStatus::Underway)),
            "{dialect:?}"
        );
        scene.gate.set_status(&reference, delivered);
        assert_eq!(
            scene.sms.status(&message, &reference).await,
            Ok(Some(SmsStatus::Delivered)),
            "{dialect:?}"
        );
        scene.gate.set_status(&reference, failed);
        let told = scene.sms.status(&message, &reference).await.unwrap().unwrap();
        assert!(matches!(told, SmsStatus::Failed(_)), "{dialect:?}: {told:?}");
        assert_eq!(scene.sms.status(&message, "4711").await, Ok(Some(SmsStatus::Unknown)), "{dialect:?}");
        let looked = scene.gate.looked();
        assert_eq!(scene.sms.status(&message, "of another/gateway").await, Ok(None), "{dialect:?}");
        assert_eq!(scene.gate.looked(), looked);
    }
}

#[tokio::test]
async fn a_balance_is_told_and_nothing_is_sent() {
    for (dialect, left) in
        [(Dialect::Smsc, "286.55"), (Dialect::SmsRu, "4122.56"), (Dialect::SmsAero, "337.03")]
    {
        let scene = Scene::new(dialect).await;
        assert_eq!(scene.sms.balance().await, Ok(left.to_owned()), "{dialect:?}");
        assert_eq!(scene.gate.asked(), 0);
        let wrong = SmsSettings { secret: "another".to_owned(), ..settings(dialect, scene.gate.url()) };
        let wrong = open(&wrong, &scene.clock);
        assert!(matches!(wrong.balance().await, Err(SendError::Refused(_))), "{dialect:?}");
        assert!(matches!(wrong.send(&message()).await, Err(SendError::Refused(_))), "{dialect:?}");
        assert_eq!(scene.gate.sent(), []);
    }
}

#[tokio::test]
async fn each_failure_is_told_by_what_can_be_done() {
    for dialect in Dialect::ALL {
        let scene = Scene::new(dialect).await;
        for (say, meant) in [
            (Say::Later, busy(None)),
            (Say::TooMany(Some(30)), busy(Some(30))),
            (Say::TooMany(None), busy(None)),
            (Say::Unavailable(Some(7)), busy(Some(7))),
            (Say::Unavailable(None), down("503")),
            (Say::Internal, down("500")),
            (Say::Garbage, down("200 out of shape")),
            (Say::Words(200, json!({ "id": [], "status_code": {}, "success": 1 })), down("200 out of shape")),
            (Say::Redirect, down("302")),
            (Say::Endless, down("an answer that does not end")),
        ] {
            assert_eq!(scene.told(say.clone()).await, meant, "{dialect:?} {say:?}");
        }
        assert_eq!(scene.gate.sent(), [], "{dialect:?}");
        scene.gate.disconnect("79161234567");
        assert_eq!(scene.send().await, Err(SendError::Dead), "{dialect:?}");
    }
}

#[tokio::test]
async fn what_was_taken_without_an_answer_is_no_certainty() {
    for dialect in Dialect::ALL {
        let scene = Scene::new(dialect).await;
        assert_eq!(scene.told(Say::Lost).await, down("the connection broke"), "{dialect:?}");
        scene.clock.advance(TimeDelta::seconds(60));
        assert_eq!(scene.told(Say::Garbled).await, down("200 out of shape"), "{dialect:?}");
        assert_eq!(
            (scene.gate.sent().len(), scene.gate.doubles(), scene.gate.lost()),
            (2, 1, 2),
            "{dialect:?}"
        );
    }
}

#[tokio::test]
async fn a_gateway_that_is_silent_or_gone_is_down() {
    let scene = Scene::new(Dialect::Smsc).await;
    let other = message();
    scene.gate.say([Say::Silence, Say::Hung]);
    let (silent, hung) = tokio::join!(scene.send(), scene.sms.send(&other));
    assert_eq!((silent, hung), (Err(down("time is up")), Err(down("time is up"))));
    assert_eq!(scene.gate.sent().len(), 1);
    // The port of nobody.
    let gone = open(&settings(Dialect::Smsc, "http://127.0.0.1:9"), &scene.clock);
    assert_eq!(gone.send(&message()).await, Err(down("no connection")));
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_found_at_smsc_by_its_name() {
    let scene = Scene::new(Dialect::Smsc).await;
    let message = message();
    let name = scene.sms.reference_of(message.id).unwrap();
    assert_eq!(scene.sms.status(&message, &name).await, Ok(Some(SmsStatus::Unknown)));
    scene.gate.say([Say::Lost]);
    assert!(scene.sms.send(&message).await.is_err());
    assert_eq!(scene.sms.status(&message, &name).await, Ok(Some(SmsStatus::Underway)));
    // Whoever sends it all the same is told to wait, and after that has sent it twice.
    assert_eq!(scene.sms.send(&message).await, Err(busy(Some(60))));
    scene.clock.advance(TimeDelta::seconds(60));
    assert_eq!(scene.sms.send(&message).await.unwrap().reference, Some(name));
    assert_eq!(scene.gate.doubles(), 1);
    for dialect in [Dialect::SmsRu, Dialect::SmsAero] {
        assert_eq!(Scene::new(dialect).await.sms.reference_of(message.id), None);
    }
}

#[tokio::test]
async fn what_is_no_phone_or_no_text_goes_nowhere() {
    let scene = Scene::new(Dialect::SmsRu).await;
    for to in ["", "79161234567", "+7916", "+7916123456x", "112", "sip:anna@dom.example"] {
        let message = SmsMessage { to: to.to_owned(), ..message() };
        assert_eq!(scene.sms.send(&message).await, Err(SendError::Dead), "{to}");
    }
    let empty = SmsMessage { text: " \n".to_owned(), ..message() };
    assert!(matches!(scene.sms.send(&empty).await, Err(SendError::Refused(_))));
    assert_eq!(scene.gate.asked(), 0);
}

#[tokio::test]
async fn a_gateway_that_fails_again_and_again_is_left_alone_for_a_while() {
    let scene = Scene::new(Dialect::SmsAero).await;
    scene.gate.say([Say::Internal, Say::Garbage, Say::Redirect, Say::Internal, Say::Lost]);
    for _ in 0..5 {
        assert!(matches!(scene.send().await, Err(SendError::Down(_))));
    }
    assert_eq!((scene.send().await, scene.gate.asked()), (Err(busy(Some(30))), 5));
    scene.clock.advance(TimeDelta::seconds(30));
    // The doctor asks whatever the guard thinks.
    scene.sms.balance().await.unwrap();
    scene.send().await.unwrap();
}

#[tokio::test]
async fn no_failure_tells_a_phone_a_text_or_a_secret() {
    for dialect in Dialect::ALL {
        let scene = Scene::new(dialect).await;
        let echo = json!({
            "error": format!("{PHONE} {TEXT} {SECRET}"), "error_code": 6, "status_code": 204, "success": false,
            "status_text": format!("{PHONE} {TEXT} {SECRET}"), "message": format!("{PHONE} {TEXT} {SECRET}"),
            "data": { "79161234567": TEXT, "sign": [SECRET] }, "result": SECRET,
        });
        for say in [Say::Words(200, echo.clone()), Say::Words(400, echo.clone()), Say::Lost, Say::Endless] {
            let failure = scene.told(say).await;
            let gone = open(&settings(dialect, "http://127.0.0.1:9"), &scene.clock);
            let unreached = gone.send(&message()).await.unwrap_err();
            let shown = format!("{failure} {failure:?} {unreached} {unreached:?} {gone:?} {:?}", message());
            for secret in ["79161234567", "Анна", SECRET, LOGIN] {
                assert!(!shown.contains(secret), "{dialect:?}: {shown}");
            }
            assert!(!shown.contains("127.0.0.1"), "{shown}");
        }
    }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_weather() {
    let throw = |seed| {
        let mut weather = Weather::bad(seed, 30);
        (0..1000).map(|_| weather.next()).collect::<Vec<_>>()
    };
    assert_eq!(throw(7), throw(7));
    assert!(throw(7) != throw(8));
    let bad = throw(7).iter().flatten().count();
    assert!((250..350).contains(&bad), "{bad}");
    assert_eq!(Weather::of(7, 100, []).next(), None);
}

/// Everything comes through bad weather to SMSC when the name is asked for before a message is sent again, and nothing
/// twice.
#[tokio::test]
async fn in_bad_weather_everything_comes_once_to_who_asks_before_sending_again() {
    let scene = Scene::new(Dialect::Smsc).await;
    scene.gate.weather(Some(Weather::bad(42, 30)));
    for number in 0..60 {
        let message = SmsMessage { text: format!("Наряд {number}"), ..message() };
        let name = scene.sms.reference_of(message.id).unwrap();
        loop {
            match scene.sms.send(&message).await {
                Ok(_) => break,
                Err(SendError::Busy { retry_after }) => {
                    scene.clock.advance(retry_after.unwrap_or(TimeDelta::seconds(5)));
                }
                Err(SendError::Down(_)) => match scene.sms.status(&message, &name).await {
                    Ok(Some(SmsStatus::Unknown)) => {}
                    Err(SendError::Busy { retry_after }) => {
                        scene.clock.advance(retry_after.unwrap());
                    }
                    told => {
                        assert_eq!(told, Ok(Some(SmsStatus::Underway)));
                        break;
                    }
                },
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert_eq!((scene.gate.sent().len(), scene.gate.doubles()), (60, 0));
    assert!(scene.gate.lost() > 0 && scene.gate.asked() > 60);
}

#[tokio::test]
async fn who_asks_in_the_wrong_way_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new(folder.path());
    let gate = Gate::start(&clock).await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = "application/x-www-form-urlencoded";
    let smsc = format!("login={LOGIN}&psw={SECRET}&fmt=3&charset=utf-8&phones=79161234567&mes=x&id=1");
    let smsru = format!("api_id={SECRET}&json=1&to=79161234567&msg=x");
    for (path, kind, body) in [
        ("/sys/send.php", "text/plain", smsc.clone()),
        ("/sys/send.php?x=1", form, smsc.clone()),
        ("/sys/send.php", form, smsc.replace("utf-8", "koi8-r")),
        ("/sys/send.php", form, smsc.replace("fmt=3", "fmt=1")),
        ("/sys/send.php", form, smsc.replace("id=1", "id=0")),
        ("/sys/send.php", form, smsc.replace("id=1", "id=2147483648")),
        ("/sys/send.php", form, smsc.replace("phones=", "phones=%2B")),
        ("/sys/send.php", form, smsc.replace("mes=x", "mes=")),
        ("/sys/send.php", form, smsc.replace("mes=x", "mes=%FF")),
        ("/sys/send.php", form, format!("{smsc}&mes=y")),
        ("/sys/send.php", form, format!("{smsc}&cost=3")),
        ("/sys/status.php", form, smsc.clone()),
        ("/sms/send", form, smsru.replace("&json=1", "")),
        ("/sms/send", form, smsru.replace("to=7", "to=8916")),
        ("/sms/send", form, smsru.replace("msg=x", &format!("msg={}", "x".repeat(600)))),
        ("/v2/sms/send", form, String::new()),
        ("/v2/sms/nowhere", "application/json", "{}".to_owned()),
    ] {
        let asked =
            http.post(format!("{}{path}", gate.url())).header("content-type", kind).body(body.clone());
        asked.send().await.unwrap();
        assert_eq!(gate.take_complaints().len(), 1, "{path} {body}");
    }
    http.get(format!("{}/sys/send.php", gate.url())).send().await.unwrap();
    let aero = http.post(format!("{}/v2/sms/send", gate.url())).basic_auth(LOGIN, Some(SECRET));
    aero.json(&json!({ "number": 79_161_234_567_u64, "text": "xy", "sign": SENDER })).send().await.unwrap();
    assert_eq!(gate.take_complaints().len(), 2);
    assert_eq!(gate.sent(), []);
}
