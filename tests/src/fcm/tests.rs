//! The way to FCM and its stand-in, each by the other.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;
use futures_util::future::join_all;
use naryad_api::fcm::{FcmPush, FcmSettings};
use naryad_domain::{
    channel::SendError,
    clock::FileClock,
    push::{Delivery, Notification, Priority, Push, PushMessage, PushToken},
};
use serde_json::json;

use super::*;

struct Scene {
    fcm: Fcm,
    push: FcmPush,
    clock: HandClock,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = HandClock::new(folder.path());
        let fcm = Fcm::start(&clock).await;
        let settings = FcmSettings {
            service_account_file: fcm.account_file().to_owned(),
            endpoint: fcm.url().to_owned(),
            per_second: 500,
        };
        let file = FileClock::open(clock.path().to_owned()).unwrap();
        let push = FcmPush::open(&settings, Arc::new(file)).unwrap();
        Self { fcm, push, clock, _folder: folder }
    }

    async fn poke(&self) -> Result<(), SendError> {
        self.push.send(&PushMessage::pull(PushToken::new("phone"))).await
    }
}

#[tokio::test]
async fn a_poke_is_taken_as_it_was_meant() {
    let scene = Scene::new().await;
    scene.push.probe().await.unwrap();
    scene.poke().await.unwrap();
    let android = json!({ "priority": "high", "ttl": "86400s", "collapse_key": "pull" });
    assert_eq!(
        scene.fcm.taken(),
        [json!({ "token": "phone", "data": { "kind": "pull" }, "android": android })]
    );
}

#[tokio::test]
async fn the_largest_message_is_taken() {
    let scene = Scene::new().await;
    let shown = Notification { title: "\"Заявка\"".to_owned(), body: "x".to_owned() };
    let delivery = Delivery {
        priority: Priority::Normal,
        ttl: TimeDelta::days(28),
        collapse_key: Some("visit".to_owned()),
    };
    let most = (0..4096).rev().find_map(|length| {
        let data = BTreeMap::from([("kind".to_owned(), "\n".repeat(length))]);
        PushMessage::new(PushToken::new("phone"), data, Some(shown.clone()), delivery.clone()).ok()
    });
    scene.push.send(&most.unwrap()).await.unwrap();
}

#[tokio::test]
async fn access_is_asked_for_once_and_again_shortly_before_its_end() {
    let scene = Scene::new().await;
    let all = join_all((0..8).map(|_| scene.poke())).await;
    assert!(all.into_iter().all(|one| one.is_ok()));
    assert_eq!(scene.fcm.grants(), 1);
    scene.clock.advance(TimeDelta::seconds(ACCESS_SECONDS - 61));
    scene.poke().await.unwrap();
    assert_eq!(scene.fcm.grants(), 1);
    scene.clock.advance(TimeDelta::seconds(1));
    scene.poke().await.unwrap();
    assert_eq!(scene.fcm.grants(), 2);
}

#[tokio::test]
async fn access_that_was_taken_away_is_asked_for_once_more() {
    let scene = Scene::new().await;
    scene.poke().await.unwrap();
    scene.fcm.revoke_access();
    let all = join_all((0..4).map(|_| scene.poke())).await;
    assert!(all.into_iter().all(|one| one.is_ok()));
    assert_eq!(scene.fcm.grants(), 2, "one for all");
    scene.fcm.say([Say::Unauthorized, Say::Unauthorized]);
    assert!(matches!(scene.poke().await, Err(SendError::Refused(_))));
    assert_eq!((scene.fcm.grants(), scene.fcm.taken().len()), (3, 5));
}

#[tokio::test]
async fn each_refusal_is_told_by_what_can_be_done() {
    let scene = Scene::new().await;
    let busy = |seconds| SendError::Busy { retry_after: Some(TimeDelta::seconds(seconds)) };
    for (say, meant) in [
        (Say::Unregistered, SendError::Dead),
        (Say::BadToken, SendError::Dead),
        (Say::ErrorInside, SendError::Dead),
        (Say::Quota(Some(30)), busy(30)),
        (Say::Quota(None), SendError::Busy { retry_after: None }),
        (Say::BadRequest, SendError::Refused("400".to_owned())),
        (Say::SenderMismatch, SendError::Refused("403 SENDER_ID_MISMATCH".to_owned())),
        (Say::Unavailable, SendError::Down("503 UNAVAILABLE".to_owned())),
        (Say::Internal, SendError::Down("500 INTERNAL".to_owned())),
        (Say::Garbage, SendError::Down("200 without a name".to_owned())),
        (Say::Elsewhere, SendError::Refused("404".to_owned())),
        (Say::Redirect, SendError::Down("302".to_owned())),
        (Say::Endless, SendError::Down("an answer that does not end".to_owned())),
    ] {
        scene.fcm.say([say]);
        assert_eq!(scene.poke().await, Err(meant), "{say:?}");
    }
    scene.poke().await.unwrap();
}

#[tokio::test]
async fn a_service_that_is_silent_or_gone_is_down() {
    let scene = Scene::new().await;
    scene.fcm.say([Say::Silence]);
    assert_eq!(scene.poke().await, Err(SendError::Down("time is up".to_owned())));
    let settings = FcmSettings {
        service_account_file: scene.fcm.account_file().to_owned(),
        // The port of nobody.
        endpoint: "http://127.0.0.1:9".to_owned(),
        per_second: 500,
    };
    let clock = FileClock::open(scene.clock.path().to_owned()).unwrap();
    let push = FcmPush::open(&settings, Arc::new(clock)).unwrap();
    let told = push.send(&PushMessage::pull(PushToken::new("phone"))).await;
    assert_eq!(told, Err(SendError::Down("no connection".to_owned())));
}

#[tokio::test]
async fn a_service_that_fails_again_and_again_is_left_alone_for_a_while() {
    let scene = Scene::new().await;
    scene.fcm.say([Say::Internal; 5]);
    for _ in 0..5 {
        assert_eq!(scene.poke().await, Err(SendError::Down("500 INTERNAL".to_owned())));
    }
    let later = SendError::Busy { retry_after: Some(TimeDelta::seconds(30)) };
    assert_eq!((scene.poke().await, scene.fcm.asked()), (Err(later), 5));
    scene.clock.advance(TimeDelta::seconds(30));
    scene.poke().await.unwrap();
}

#[tokio::test]
async fn without_access_nothing_is_sent() {
    let scene = Scene::new().await;
    for (say, refused) in
        [(Say::Unavailable, false), (Say::Garbage, false), (Say::Redirect, false), (Say::Internal, false)]
    {
        scene.fcm.say_to_access([say]);
        let told = scene.poke().await.unwrap_err();
        assert_eq!(matches!(told, SendError::Refused(_)), refused, "{say:?}: {told}");
    }
    assert_eq!(scene.fcm.asked(), 0);
    // A clock that is far off: the service sees an assertion of another time.
    let ahead = tempfile::tempdir().unwrap();
    let other = HandClock::new(ahead.path());
    other.advance(TimeDelta::hours(2));
    let settings = FcmSettings {
        service_account_file: scene.fcm.account_file().to_owned(),
        endpoint: scene.fcm.url().to_owned(),
        per_second: 500,
    };
    let clock = FileClock::open(other.path().to_owned()).unwrap();
    let push = FcmPush::open(&settings, Arc::new(clock)).unwrap();
    let refused = SendError::Refused("no access: 400 invalid_grant".to_owned());
    assert_eq!(push.probe().await, Err(refused));
    assert_eq!(scene.fcm.take_complaints().len(), 1);
}

#[test]
fn a_message_out_of_shape_is_seen() {
    let good =
        json!({ "token": "t", "data": { "kind": "pull" }, "android": { "ttl": "0s", "priority": "normal" } });
    let check = |message: &Value| message::check(json!({ "message": message }).to_string().as_bytes());
    assert_eq!(check(&good), Ok(good.clone()));
    let long = "x".repeat(4096);
    for (pointer, value) in [
        ("/token", json!("")),
        ("/token", Value::Null),
        ("/data/from", json!("x")),
        ("/data/google.ttl", json!("x")),
        ("/data/gcm", json!("x")),
        ("/data/number", json!(1)),
        ("/data/long", json!(long)),
        ("/notification", json!({ "title": "x" })),
        ("/android/ttl", json!("1h")),
        ("/android/ttl", json!("2419201s")),
        ("/android/priority", json!("urgent")),
        ("/android/collapse_key", json!("")),
        ("/apns", json!({})),
    ] {
        let mut bad = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[name] = value;
        assert!(check(&bad).is_err(), "{bad}");
    }
    assert!(message::check(br#"{"message":{"token":"t"},"validate":true}"#).is_err());
}

#[test]
fn an_assertion_that_is_not_right_is_seen() {
    let (account, other) = (Account::generate("http://a/token"), Account::generate("http://a/token"));
    let now: DateTime<Utc> = "2026-03-02T09:00:00Z".parse().unwrap();
    let asked = |account: &Account, form: &str| account.check(form.as_bytes(), now).unwrap_err();
    assert!(asked(&account, "assertion=a.b.c").contains("the form has"));
    assert!(asked(&account, "assertion=a.b.c&grant_type=password").contains("grant_type"));
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
    assert!(asked(&other, &format!("assertion=e30.e30.AAAA&{grant}")).contains("signature"));
}
