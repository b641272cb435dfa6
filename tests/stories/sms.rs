//! Text messages through a gateway instead of the outbox folder.

use chrono::TimeDelta;
use naryad_tests::{
    House,
    estate::{Estate, RESIDENT_PHONE},
    on_both,
    sms::{Dialect, Gate, SECRET, SENDER, Say},
};
use serde_json::json;

/// Asks for a code; it, if one came.
async fn code(house: &House, gate: &Gate, phone: &str) -> Option<String> {
    let digits = phone.trim_start_matches('+');
    let before = gate.texts_of(digits).len();
    house.client().post("/v1/auth/otp/request", json!({ "phone": phone })).await.ok(204);
    let texts = gate.texts_of(digits);
    let text = texts.get(before)?;
    text.split(|letter: char| !letter.is_ascii_digit()).find(|word| word.len() == 6).map(str::to_owned)
}

async fn sign_in(house: &House, code: &str) {
    let body = json!({ "phone": RESIDENT_PHONE, "code": code });
    house.client().post("/v1/auth/otp/verify", body).await.ok(200);
}

/// A resident signs in by what the gateway brought. Nothing of it stands in the log, the outbox stays empty, and the doctor
/// has looked at the account without sending.
async fn signs_in_through(house: &House, dialect: Dialect) {
    let gate = Gate::start(house.clock()).await;
    gate.serve(house, dialect);
    house.open().await;
    Estate::found(house, "УК Дом").await;
    let code = code(house, &gate, RESIDENT_PHONE).await.expect("a code");
    sign_in(house, &code).await;
    let sent = gate.sent();
    assert_eq!((sent.len(), sent[0].sender.as_deref()), (1, Some(SENDER)));
    assert!(!house.data().join("outbox").exists(), "there is one way for messages");

    let report = house.naryad(&["doctor"]).await.expect_success().stdout;
    let line = format!("SMS: {} takes the login", dialect.provider());
    assert!(report.lines().any(|one| one.starts_with("ok") && one.contains(&line)), "{report}");
    assert_eq!(gate.asked(), 1);
    house.set("NARYAD_SMS_SECRET", "0ther-s3cret");
    let report = house.naryad(&["doctor"]).await;
    assert!(!report.status.success());
    let line = format!("SMS: {}: the provider refuses", dialect.provider());
    assert!(report.stdout.contains(&line), "{}", report.stdout);
    assert!(!report.stdout.contains("0ther-s3cret"), "{}", report.stdout);

    let metrics = house.client().get("/metrics").await.ok(200);
    let metrics = String::from_utf8_lossy(&metrics.bytes);
    let calls =
        format!("naryad_provider_calls_total{{provider=\"{}\",outcome=\"taken\"}} 1\n", dialect.provider());
    assert!(metrics.contains(&calls), "{metrics}");
    let held = format!("naryad_provider_held{{provider=\"{}\"}} 0\n", dialect.provider());
    assert!(metrics.contains(&held), "{metrics}");
    for secret in [RESIDENT_PHONE.trim_start_matches('+'), &*code, SECRET] {
        assert!(!house.log().contains(secret), "`{secret}` is in the log");
    }
}

on_both! {
    closed,
    /// A code comes by SMSC.
    async fn a_resident_signs_in_by_a_code_from_smsc(house: &House) {
        signs_in_through(house, Dialect::Smsc).await;
    }
}

on_both! {
    closed,
    /// A code comes by SMS.ru.
    async fn a_resident_signs_in_by_a_code_from_sms_ru(house: &House) {
        signs_in_through(house, Dialect::SmsRu).await;
    }
}

on_both! {
    closed,
    /// A code comes by SMS Aero.
    async fn a_resident_signs_in_by_a_code_from_sms_aero(house: &House) {
        signs_in_through(house, Dialect::SmsAero).await;
    }
}

on_both! {
    closed,
    /// The gateway fails five times: it is left alone, and asked again half a minute later. The log tells neither the
    /// phone nor the text.
    async fn a_gateway_that_fails_is_left_alone_for_a_while(house: &House) {
        const NEIGHBOUR: &str = "+79123456780";
        house.tolerate_error("a code was not sent");
        let gate = Gate::start(house.clock()).await;
        gate.serve(house, Dialect::Smsc);
        house.open().await;
        Estate::found(house, "УК Дом").await;
        Estate::found_with(house, "УК Двор", NEIGHBOUR).await;
        gate.say([Say::Internal, Say::Garbage, Say::Redirect, Say::Internal, Say::Endless]);
        for _ in 0..5 {
            house.clock().advance(TimeDelta::hours(1));
            assert_eq!(code(house, &gate, RESIDENT_PHONE).await, None);
        }
        house.clock().advance(TimeDelta::seconds(29));
        assert_eq!((code(house, &gate, NEIGHBOUR).await, gate.asked()), (None, 5));
        house.clock().advance(TimeDelta::seconds(31));
        let code = code(house, &gate, RESIDENT_PHONE).await.expect("a code");
        sign_in(house, &code).await;
        assert_eq!(gate.asked(), 6);
        let log = house.log();
        assert!(log.contains("it is left alone") && log.contains("the provider answers again"), "{log}");
        for phone in [RESIDENT_PHONE, NEIGHBOUR] {
            assert!(!log.contains(phone.trim_start_matches('+')), "a phone is in the log");
        }
    }
}
