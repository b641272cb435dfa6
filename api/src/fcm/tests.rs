//! What each answer means. How the service is spoken to stands among the tests of its stand-in.

use chrono::TimeDelta;
use naryad_domain::push::{Delivery, Notification, Priority, PushToken};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.as_bytes().to_vec() }
}

fn failed(status: u16, details: &Value) -> Answer {
    let error = json!({ "code": status, "message": "words", "status": "STATUS", "details": details });
    answer(status, &json!({ "error": error }).to_string())
}

fn own(code: &str) -> Value {
    json!({ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code })
}

fn shape() -> Value {
    json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{ "field": "message.data" }] })
}

/// The failure of an answer, or the word for 401.
fn meaning(answer: &Answer) -> String {
    match answer::verdict(answer) {
        Verdict::Stranger => "stranger".to_owned(),
        Verdict::Told(Ok(())) => "sent".to_owned(),
        Verdict::Told(Err(failure)) => match failure {
            SendError::Dead => "dead".to_owned(),
            SendError::Busy { .. } => "busy".to_owned(),
            SendError::Down(_) => "down".to_owned(),
            SendError::Refused(why) => format!("refused: {why}"),
        },
    }
}

#[test]
fn each_answer_means_one_thing() {
    for (meant, said) in [
        ("sent", answer(200, r#"{"name":"projects/p/messages/1"}"#)),
        ("dead", failed(404, &json!([own("UNREGISTERED")]))),
        ("dead", failed(400, &json!([own("INVALID_ARGUMENT")]))),
        ("refused: 400", failed(400, &json!([shape()]))),
        ("refused: 400 INVALID_ARGUMENT", failed(400, &json!([own("INVALID_ARGUMENT"), shape()]))),
        ("refused: 403 SENDER_ID_MISMATCH", failed(403, &json!([own("SENDER_ID_MISMATCH")]))),
        // Another project's address is no reason to forget the phones.
        ("refused: 404", failed(404, &json!([]))),
        ("down", answer(404, "<html>not here</html>")),
        ("busy", failed(429, &json!([own("QUOTA_EXCEEDED")]))),
        ("down", failed(503, &json!([own("UNAVAILABLE")]))),
        ("down", failed(500, &json!([own("INTERNAL")]))),
        ("stranger", failed(401, &json!([]))),
        ("stranger", answer(401, "")),
        ("down", answer(200, "")),
        ("down", answer(200, "{}")),
        ("down", answer(200, "<html>sign in to the network</html>")),
        ("down", answer(302, "")),
    ] {
        assert_eq!(meaning(&said), meant, "{said:?}");
    }
}

#[test]
fn a_failure_inside_a_success_is_a_failure() {
    let inside = |failure: Answer| Answer { status: 200, ..failure };
    assert_eq!(meaning(&inside(failed(404, &json!([own("UNREGISTERED")])))), "dead");
    assert_eq!(meaning(&inside(failed(503, &json!([own("UNAVAILABLE")])))), "down");
    assert_eq!(meaning(&answer(200, r#"{"error":{}}"#)), "down");
}

#[test]
fn the_pause_that_is_asked_for_is_passed_on() {
    let busy = |status| Answer { retry_after: Some(TimeDelta::seconds(7)), ..failed(status, &json!([])) };
    let told = Verdict::Told(Err(SendError::Busy { retry_after: Some(TimeDelta::seconds(7)) }));
    assert_eq!(answer::verdict(&busy(429)), told);
    assert_eq!(answer::verdict(&busy(503)), told);
}

proptest! {
    /// No answer makes a phone lose its token but those that say it is dead, and the log holds no letter of an answer.
    #[test]
    fn nothing_is_concluded_from_noise(status in 100_u16..600, body in "\\PC{0,200}", code in "\\PC{0,60}") {
        let noise = answer(status, &body);
        prop_assert!(meaning(&noise) != "dead");
        let coded = failed(status, &json!([own(&code)]));
        let said = meaning(&coded);
        let plain = said.chars().all(|letter| letter.is_ascii_alphanumeric() || ": _".contains(letter));
        prop_assert!(plain, "{said}");
    }
}

#[test]
fn access_is_granted_or_not() {
    #[derive(serde::Deserialize)]
    struct Grant {
        #[serde(rename = "access_token")]
        _token: String,
    }
    let granted = |status, body: &str| answer::granted::<Grant>(&answer(status, body)).map(drop);
    assert_eq!(granted(200, r#"{"access_token":"x"}"#), Ok(()));
    assert!(
        matches!(granted(400, r#"{"error":"invalid_grant"}"#), Err(SendError::Refused(why)) if why == "no access: 400 invalid_grant")
    );
    assert!(matches!(granted(503, ""), Err(SendError::Down(_))));
    assert!(matches!(granted(200, "x"), Err(SendError::Down(_))));
    assert!(matches!(granted(429, ""), Err(SendError::Busy { .. })));
}

#[test]
fn a_visible_message_has_all_its_parts() {
    let shown = Notification { title: "Заявка 12".to_owned(), body: "Срочно".to_owned() };
    let delivery = Delivery { priority: Priority::Normal, ttl: TimeDelta::hours(1), collapse_key: None };
    let message = PushMessage::new(PushToken::new("t"), Default::default(), Some(shown), delivery).unwrap();
    assert_eq!(
        json!(Body::of(&message)),
        json!({ "message": {
            "token": "t", "notification": { "title": "Заявка 12", "body": "Срочно" },
            "android": { "priority": "normal", "ttl": "3600s" },
        }})
    );
}

#[test]
fn an_unusable_account_is_named_without_its_words() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let clock = || Arc::new(naryad_domain::clock::SystemClock::default());
    for text in [
        "{\"private_key\": \"SECRET".to_owned(),
        json!({ "client_email": 17, "private_key": "SECRET" }).to_string(),
        json!({ "client_email": "a@b", "private_key": "SECRET", "token_uri": "https://t", "project_id": "p" })
            .to_string(),
    ] {
        std::fs::write(file.path(), text).unwrap();
        let settings = FcmSettings {
            service_account_file: file.path().to_owned(),
            endpoint: "https://fcm.googleapis.com".to_owned(),
            per_second: 500,
        };
        let failure = format!("{:?}", FcmPush::open(&settings, clock()).unwrap_err());
        assert!(failure.contains(&file.path().display().to_string()), "{failure}");
        assert!(!failure.contains("SECRET"), "{failure}");
    }
}
