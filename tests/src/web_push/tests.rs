//! The way to browsers and the stand-in of their push services, each by the other; and the stand-in by messages that are
//! made with neither.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use naryad_api::web_push::{BrowserPush, WebPushSettings};
use naryad_domain::{
    channel::{SendError, Subscription, Taken, WebPush, WebPushMessage},
    clock::FileClock,
    push::Priority,
};
use serde_json::json;
use tempfile::TempDir;
use web_push_native::{
    Auth,
    p256::{
        PublicKey,
        ecdsa::{Signature, SigningKey, signature::Signer},
        elliptic_curve::rand_core::OsRng,
    },
};

use super::*;

struct Scene {
    service: PushService,
    push: BrowserPush,
    browser: Browser,
    clock: HandClock,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = HandClock::new(folder.path());
        let service = PushService::start(&clock).await;
        let settings = WebPushSettings {
            key_file: folder.path().join("web-push-key.pem"),
            contact: CONTACT.to_owned(),
            stand_in: Some(service.url().to_owned()),
        };
        let file = FileClock::open(clock.path().to_owned()).unwrap();
        let push = BrowserPush::open(&settings, Arc::new(file)).unwrap();
        let browser = service.subscribe(push.public_key());
        Self { service, push, browser, clock, _folder: folder }
    }

    fn message(&self, payload: &[u8]) -> WebPushMessage {
        WebPushMessage {
            subscription: Subscription::from_browser(&self.browser.subscription(), "push_token").unwrap(),
            payload: payload.to_vec(),
            priority: Priority::Normal,
            ttl: TimeDelta::days(1),
            topic: None,
        }
    }

    async fn send(&self) -> Result<Taken, SendError> {
        self.push.send(&self.message(b"{}")).await
    }
}

#[tokio::test]
async fn a_message_is_read_as_it_was_meant() {
    let scene = Scene::new().await;
    let text = r#"{"notification":{"title":"Заявка № 7"}}"#;
    let urgent = WebPushMessage {
        priority: Priority::High,
        topic: Some("0195a3c0000070008000000000000001".to_owned()),
        ..scene.message(text.as_bytes())
    };
    scene.push.send(&urgent).await.unwrap();
    scene.clock.advance(TimeDelta::days(40));
    scene.push.send(&WebPushMessage { ttl: TimeDelta::days(90), ..scene.message(b"") }).await.unwrap();
    let pushed = |ttl, urgency: &str, topic: Option<String>, text: &str| Pushed {
        endpoint: scene.browser.endpoint().to_owned(),
        ttl,
        urgency: urgency.to_owned(),
        topic,
        text: text.to_owned(),
    };
    let expected = [pushed(86_400, "high", urgent.topic, text), pushed(2_419_200, "normal", None, "")];
    assert_eq!(scene.service.taken_for(&scene.browser), expected);
    assert_eq!(scene.service.taken_for(&scene.service.subscribe(scene.push.public_key())), []);
}

#[tokio::test]
async fn the_longest_message_is_taken_and_a_longer_one_is_not_sent() {
    let scene = Scene::new().await;
    scene.push.send(&scene.message(&[b'x'; 3993])).await.unwrap();
    let refused = SendError::Refused("the payload is too long".to_owned());
    assert_eq!(scene.push.send(&scene.message(&[b'x'; 3994])).await, Err(refused));
    assert_eq!((scene.service.asked(), scene.service.taken()[0].text.len()), (1, 3993));
}

#[tokio::test]
async fn each_refusal_is_told_by_what_can_be_done() {
    let scene = Scene::new().await;
    let down = |words: &str| Err(SendError::Down(words.to_owned()));
    let refused = |words: &str| Err(SendError::Refused(words.to_owned()));
    let busy = |seconds| Err(SendError::Busy { retry_after: Some(TimeDelta::seconds(seconds)) });
    for (say, meant) in [
        (Say::Unknown, Err(SendError::Dead)),
        (Say::Gone, Err(SendError::Dead)),
        (Say::TooLong, refused("413")),
        (Say::OtherKey, refused("403")),
        (Say::BadRequest, refused("400")),
        (Say::TooMany(Some(30)), busy(30)),
        (Say::TooMany(None), Err(SendError::Busy { retry_after: None })),
        (Say::Unavailable(Some(9)), busy(9)),
        (Say::Unavailable(None), down("503")),
        (Say::Internal, down("500")),
        (Say::Redirect, down("307")),
        (Say::Garbage, down("200")),
        (Say::Taken, Ok(Taken::default())),
        (Say::Endless, down("an answer that does not end")),
        (Say::Lost, down("the connection broke")),
        (Say::Taken, Ok(Taken::default())),
    ] {
        scene.service.say([say]);
        assert_eq!(scene.send().await, meant, "{say:?}");
        // Beyond the time for which a service that failed again and again is left alone.
        scene.clock.advance(TimeDelta::minutes(10));
    }
    assert_eq!(scene.service.taken().len(), 3, "two, and the one whose answer was lost");
    scene.service.unsubscribe(&scene.browser);
    assert_eq!(scene.send().await, Err(SendError::Dead));
}

#[tokio::test]
async fn a_service_that_is_silent_is_down() {
    let scene = Scene::new().await;
    scene.service.say([Say::Silence, Say::Hung]);
    let down = Err(SendError::Down("time is up".to_owned()));
    let both = futures_util::future::join(scene.send(), scene.send()).await;
    assert_eq!(both, (down.clone(), down));
    assert_eq!(scene.service.taken().len(), 1, "what is never answered may have been taken");
}

#[tokio::test]
async fn a_service_that_fails_again_and_again_is_left_alone_and_no_other_with_it() {
    let scene = Scene::new().await;
    scene.service.say([Say::Internal; 5]);
    for _ in 0..5 {
        assert_eq!(scene.send().await, Err(SendError::Down("500".to_owned())));
    }
    assert!(matches!(scene.send().await, Err(SendError::Busy { .. })));
    assert_eq!(scene.service.asked(), 5);
    scene.clock.advance(TimeDelta::seconds(30));
    scene.send().await.unwrap();
}

#[tokio::test]
async fn another_key_than_the_browser_subscribed_with_is_seen() {
    let scene = Scene::new().await;
    let other = SigningKey::random(&mut OsRng);
    let point = other.verifying_key().to_encoded_point(false);
    let browser = scene.service.subscribe(&BASE64_URL_SAFE_NO_PAD.encode(point));
    let message = WebPushMessage {
        subscription: Subscription::from_browser(&browser.subscription(), "push_token").unwrap(),
        ..scene.message(b"{}")
    };
    assert_eq!(scene.push.send(&message).await, Err(SendError::Refused("403".to_owned())));
    assert_eq!(scene.service.take_complaints(), ["the browser subscribed with another key"]);
}

#[test]
fn no_two_browsers_are_alike_and_none_shows_itself() {
    let (_, one) = Browser::at("http://127.0.0.1:1");
    let (_, other) = Browser::at("http://127.0.0.1:1");
    let secrets = |browser: &Browser| [browser.endpoint().to_owned(), browser.p256dh(), browser.auth()];
    let all: BTreeSet<String> = secrets(&one).into_iter().chain(secrets(&other)).collect();
    assert_eq!(all.len(), 6);
    for secret in secrets(&one) {
        assert!(one.shows_in(&format!("x {secret} y")) && !other.shows_in(&secret));
    }
    assert!(!format!("{one:?}").contains(&one.auth()));
}

/// A request that is made by hand.
struct Draft {
    key: SigningKey,
    claims: Value,
    header: Value,
    /// What is said instead of the signed claims.
    authorization: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Draft {
    fn good(key: &SigningKey, browser: &Browser, origin: &str, now: DateTime<Utc>) -> Self {
        let headers =
            [("TTL", "60"), ("Content-Encoding", "aes128gcm"), ("Urgency", "low"), ("Topic", "a-_9")];
        Self {
            key: key.clone(),
            claims: json!({ "aud": origin, "exp": now.timestamp() + 60, "sub": CONTACT }),
            header: json!({ "typ": "JWT", "alg": "ES256" }),
            authorization: None,
            headers: headers.map(|(name, value)| (name, value.to_owned())).into(),
            body: sealed(browser, b"hello"),
        }
    }

    fn set(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims[name] = value;
        self
    }

    fn statement(&self) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    async fn post(self, to: &str) -> u16 {
        let vapid = || format!("vapid t={}, k={}", self.statement(), public(&self.key));
        let said = self.authorization.clone().unwrap_or_else(vapid);
        let mut request = reqwest::Client::new().post(to).body(self.body);
        if !said.is_empty() {
            request = request.header("Authorization", said);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    }
}

fn public(key: &SigningKey) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(key.verifying_key().to_encoded_point(false))
}

fn sealed(browser: &Browser, text: &[u8]) -> Vec<u8> {
    let decoded = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
    let point = PublicKey::from_sec1_bytes(&decoded(&browser.p256dh())).unwrap();
    let auth: [u8; 16] = decoded(&browser.auth()).try_into().unwrap();
    web_push_native::encrypt(text.to_vec(), &point, &Auth::from(auth)).unwrap()
}

#[tokio::test]
async fn whatever_breaks_a_rule_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let clock = HandClock::new(folder.path());
    let service = PushService::start(&clock).await;
    let (key, other) = (SigningKey::random(&mut OsRng), SigningKey::random(&mut OsRng));
    let (browser, neighbour) = (service.subscribe(&public(&key)), service.subscribe(&public(&key)));
    let good = || Draft::good(&key, &browser, service.url(), clock.now());
    let now = clock.now().timestamp();

    assert_eq!(good().post(browser.endpoint()).await, 201);
    assert_eq!(good().claim("exp", json!(now + 86_400)).post(browser.endpoint()).await, 201);
    let plain = good().set("Urgency", None).set("Topic", None).set("TTL", Some("0"));
    assert_eq!(plain.post(browser.endpoint()).await, 201);
    let longest = Draft { body: sealed(&browser, &[b'x'; 3993]), ..good() };
    assert_eq!(longest.post(browser.endpoint()).await, 201);
    assert_eq!(service.taken()[0].text, "hello");
    assert_eq!(service.take_complaints(), [""; 0]);

    let long = "x".repeat(33);
    let by_other = || Draft { key: other.clone(), ..good() };
    let mixed = format!("vapid t={}, k={}", by_other().statement(), public(&key));
    let said = |text: &str| Draft { authorization: Some(text.to_owned()), ..good() };
    let headed = |header: Value| Draft { header, ..good() };
    let without_sub = {
        let mut draft = good();
        draft.claims.as_object_mut().unwrap().remove("sub");
        draft
    };
    let mut no_records = sealed(&browser, b"hello");
    no_records[16..20].copy_from_slice(&[0; 4]);
    let mut spoilt = sealed(&browser, b"hello");
    *spoilt.last_mut().unwrap() ^= 1;
    let holding = |body: Vec<u8>| Draft { body, ..good() };
    for (draft, status, word) in [
        (good().set("TTL", None), 400, "no TTL"),
        (good().set("TTL", Some("soon")), 400, "`soon`"),
        (good().set("TTL", Some("-1")), 400, "`-1`"),
        (good().set("TTL", Some("+1")), 400, "`+1`"),
        (good().set("TTL", Some("")), 400, "``"),
        (good().set("TTL", Some("2419201")), 400, "`2419201`"),
        (good().set("Content-Encoding", None), 400, "the encoding ``"),
        (good().set("Content-Encoding", Some("aesgcm")), 400, "`aesgcm`"),
        (good().set("Urgency", Some("urgent")), 400, "`urgent`"),
        (good().set("Topic", Some(&long)), 400, "the topic"),
        (good().set("Topic", Some("a+b")), 400, "`a+b`"),
        (good().set("Topic", Some("")), 400, "the topic ``"),
        (holding(vec![0; 4097]), 413, "4097 bytes"),
        (holding(Vec::new()), 400, "no header"),
        (holding(b"hello, this is no ciphertext at all".to_vec()), 400, "a key of"),
        (holding(no_records), 400, "records of 0"),
        (holding(spoilt), 400, "cannot read"),
        (holding(sealed(&neighbour, b"hello")), 400, "cannot read"),
        (said(""), 401, "nobody signed"),
        (said("Bearer x"), 401, "another scheme"),
        (said("vapid t=x"), 401, "missing"),
        (said("vapid t=x, k=y, z=1"), 401, "neither"),
        (said("vapid t=x, t=x, k=y"), 401, "twice"),
        (said("vapid t=x, k=y"), 401, "three parts"),
        (said(&mixed), 401, "not of the key"),
        (headed(json!({ "typ": "JWT", "alg": "none" })), 401, "by none"),
        (headed(json!({ "typ": "JWT", "alg": "HS256" })), 401, "by HS256"),
        (by_other(), 403, "another key"),
        (good().claim("aud", json!("https://push.example")), 403, "said to"),
        (good().claim("aud", json!(browser.endpoint())), 403, "said to"),
        (good().claim("exp", json!(now)), 403, "until"),
        (good().claim("exp", json!(now + 86_401)), 403, "until"),
        (good().claim("exp", json!("tomorrow")), 401, "invalid type"),
        (good().claim("sub", json!("tel:+7")), 403, "nobody is reached"),
        (good().claim("sub", json!("mailto:nobody@localhost")), 403, "nobody is reached"),
        (without_sub, 401, "sub"),
    ] {
        assert_eq!(draft.post(browser.endpoint()).await, status, "{word}");
        let complaints = service.take_complaints();
        assert!(matches!(&complaints[..], [one] if one.contains(word)), "{word}: {complaints:?}");
    }
    let mut twice = good();
    twice.headers.push(("TTL", "61".to_owned()));
    assert_eq!(twice.post(browser.endpoint()).await, 400);
    assert_eq!(good().post(&format!("{}/push/nobody", service.url())).await, 404);
    assert_eq!(good().post(&format!("{}/elsewhere", service.url())).await, 404);
    assert_eq!(service.take_complaints().len(), 3);
    assert_eq!(service.taken().len(), 4);
}
