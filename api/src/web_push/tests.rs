//! The encryption by the vector of RFC 8291, and what each answer means. How a service is spoken to stands among the
//! tests of its stand-in.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use naryad_domain::{channel::Subscription, clock::ManualClock};
use proptest::prelude::*;

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The browser of RFC 8291, appendix A.
fn browser() -> Subscription {
    Subscription {
        endpoint: "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV".to_owned(),
        p256dh: "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
            .to_owned(),
        auth: "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
    }
}

#[test]
fn the_example_of_rfc_8291_comes_out_byte_by_byte() {
    let own = PrivateKey::from_private_key(&ECDH_P256, &bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"));
    let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
    let sealed = Reader::of(&browser())
        .unwrap()
        .seal_with(b"When I grow up, I want to be a watermelon", &own.unwrap(), salt)
        .unwrap();
    let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz\
                    AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
    assert_eq!(URL_SAFE_NO_PAD.encode(sealed), expected);
}

#[test]
fn the_longest_payload_fills_the_longest_body() {
    let reader = Reader::of(&browser()).unwrap();
    assert_eq!(cipher::LONGEST_PAYLOAD, 3993);
    assert_eq!(reader.seal(&[7; 3993]).unwrap().len(), 4096);
    assert_eq!(reader.seal(&[7; 3994]), Err(Unsealed::TooLong));
}

#[test]
fn keys_that_are_none_are_dead() {
    let good = browser();
    let off_curve = URL_SAFE_NO_PAD.encode([[4].as_slice(), &[1; 64]].concat());
    let compressed = URL_SAFE_NO_PAD.encode([[2].as_slice(), &bytes(&good.p256dh)[1..33]].concat());
    let infinity = URL_SAFE_NO_PAD.encode([0; 65]);
    for p256dh in ["", "?", &off_curve, &compressed, &infinity] {
        let bad = Subscription { p256dh: p256dh.to_owned(), ..good.clone() };
        let sealed = Reader::of(&bad).and_then(|reader| reader.seal(b"x"));
        assert_eq!(sealed, Err(Unsealed::NoKeys), "{p256dh}");
    }
    let bad = Subscription { auth: "BTBZMqHH6r4Tts7J_aSI".to_owned(), ..good };
    assert!(Reader::of(&bad).is_err());
}

#[test]
fn each_answer_means_one_thing() {
    let pause = Some(TimeDelta::seconds(9));
    for (status, retry_after, meant) in [
        (404, None, SendError::Dead),
        (410, None, SendError::Dead),
        (413, None, SendError::Refused("413".to_owned())),
        (400, None, SendError::Refused("400".to_owned())),
        (403, None, SendError::Refused("403".to_owned())),
        (408, None, SendError::Down("408".to_owned())),
        (429, None, SendError::Busy { retry_after: None }),
        (429, pause, SendError::Busy { retry_after: pause }),
        (503, pause, SendError::Busy { retry_after: pause }),
        (503, None, SendError::Down("503".to_owned())),
        (500, pause, SendError::Down("500".to_owned())),
        (301, None, SendError::Down("301".to_owned())),
        (204, None, SendError::Down("204".to_owned())),
    ] {
        assert_eq!(meaning(&Answer { status, retry_after, body: Vec::new() }), meant, "{status}");
    }
}

#[test]
fn a_contact_is_one_that_push_services_take() {
    for good in ["mailto:ads@example.org", "https://example.org/contact"] {
        assert!(contact(good).is_ok(), "{good}");
    }
    for bad in
        ["", "ads@example.org", "mailto:", "mailto:ads@localhost", "http://example.org", "mailto:a b@c.d"]
    {
        assert!(contact(bad).is_err(), "{bad}");
    }
}

fn message(subscription: Subscription, topic: Option<String>) -> WebPushMessage {
    WebPushMessage {
        subscription,
        payload: b"{}".to_vec(),
        priority: Priority::Normal,
        ttl: TimeDelta::hours(1),
        topic,
    }
}

fn push(folder: &std::path::Path) -> BrowserPush {
    let settings = WebPushSettings {
        key_file: folder.join("web-push-key.pem"),
        contact: "mailto:ads@example.org".to_owned(),
        stand_in: None,
    };
    let clock = ManualClock::at("2026-03-02T09:00:00Z".parse().unwrap());
    BrowserPush::open(&settings, Arc::new(clock)).unwrap()
}

#[tokio::test]
async fn what_cannot_be_sent_goes_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let push = push(folder.path());
    for endpoint in ["https://10.0.0.1/x", "http://push.example.net/x", "https://localhost/x"] {
        let subscription = Subscription { endpoint: endpoint.to_owned(), ..browser() };
        assert_eq!(push.send(&message(subscription, None)).await, Err(SendError::Dead), "{endpoint}");
    }
    for topic in ["", "with space", "a\r\nX: y", &"x".repeat(33)] {
        let told = push.send(&message(browser(), Some(topic.to_owned()))).await;
        assert!(matches!(told, Err(SendError::Refused(_))), "{topic}");
    }
}

#[test]
fn guards_are_never_too_many_and_one_service_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let push = push(folder.path());
    let first = push.guard("https://a");
    assert!(Arc::ptr_eq(&first, &push.guard("https://a")));
    for number in 0..100 {
        push.guard(&format!("https://{number}"));
        assert!(push.guards.lock().unwrap().len() <= GUARDS);
    }
}

proptest! {
    /// What comes from a browser breaks nothing, whatever it is.
    #[test]
    fn any_keys_are_keys_or_dead(p256dh in "[A-Za-z0-9_=-]{0,100}", auth in "[A-Za-z0-9_=-]{0,30}", point in prop::collection::vec(any::<u8>(), 64)) {
        let wild = Subscription { p256dh, auth: auth.clone(), ..browser() };
        let _ = Reader::of(&wild).and_then(|reader| reader.seal(b"x"));
        let point = URL_SAFE_NO_PAD.encode([[4].as_slice(), &point].concat());
        let off = Subscription { p256dh: point, ..browser() };
        prop_assert_eq!(Reader::of(&off).and_then(|reader| reader.seal(b"x")), Err(Unsealed::NoKeys));
    }

    /// No two bodies for one payload are alike, and each is as long as its payload asks.
    #[test]
    fn each_message_has_keys_of_its_own(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let reader = Reader::of(&browser()).unwrap();
        let (one, other) = (reader.seal(&payload).unwrap(), reader.seal(&payload).unwrap());
        prop_assert_eq!(one.len(), 103 + payload.len());
        prop_assert_ne!(&one[..16], &other[..16]);
        prop_assert_ne!(&one[21..86], &other[21..86]);
    }
}
