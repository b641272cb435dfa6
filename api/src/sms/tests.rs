//! What each answer means. How the gateways are spoken to stands among the tests of their stand-in.

use naryad_domain::clock::SystemClock;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const ALL: [Gateway; 3] = [Gateway::Smsc, Gateway::SmsRu, Gateway::SmsAero];

fn settings(gateway: Gateway) -> SmsSettings {
    SmsSettings {
        gateway,
        login: Some("LOGIN".to_owned()),
        secret: "SECRET".to_owned(),
        sender: Some("Dom".to_owned()),
        endpoint: None,
        per_second: 10,
    }
}

fn opened(settings: &SmsSettings) -> Result<SmsGateway> {
    SmsGateway::open(settings, Arc::new(SystemClock::default()))
}

fn dialect(gateway: Gateway) -> Box<dyn Dialect> {
    opened(&settings(gateway)).unwrap().dialect
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.as_bytes().to_vec() }
}

fn well(body: &Value) -> Answer {
    answer(200, &body.to_string())
}

/// The reference of a message that was taken, or the failure with what it says.
fn taken(gateway: Gateway, answer: &Answer) -> String {
    match dialect(gateway).taken(answer) {
        Ok(taken) => format!("taken {}", taken.reference.unwrap()),
        Err(failure) => format!("{}: {failure}", failure.name()),
    }
}

fn status(gateway: Gateway, answer: &Answer) -> String {
    match dialect(gateway).status(answer) {
        Ok(None) => "untold".to_owned(),
        Ok(Some(status)) => format!("{status:?}"),
        Err(failure) => failure.name().to_owned(),
    }
}

/// The kind of failure that a code of SMSC is.
fn smsc_code(code: i64) -> &'static str {
    let said = well(&json!({ "error": "words", "error_code": code, "id": 175 }));
    dialect(Gateway::Smsc).taken(&said).unwrap_err().name()
}

/// The kinds of failure that a code of SMS.ru is, for the whole and for the phone.
fn smsru_code(code: i64) -> [&'static str; 2] {
    let whole = well(&json!({ "status": "ERROR", "status_code": code, "status_text": "words" }));
    let one = json!({ "status": "ERROR", "status_code": code, "status_text": "words" });
    let one =
        well(&json!({ "status": "OK", "status_code": 100, "sms": { "79161234567": one }, "balance": 1.5 }));
    [whole, one].map(|said| dialect(Gateway::SmsRu).taken(&said).unwrap_err().name())
}

#[test]
fn each_code_of_smsc_means_one_thing() {
    assert_eq!(taken(Gateway::Smsc, &well(&json!({ "id": 1234, "cnt": 1 }))), "taken 1234");
    assert_eq!(taken(Gateway::Smsc, &well(&json!({ "id": "1234", "cnt": 1, "cost": "4.1" }))), "taken 1234");
    for code in [1, 2, 3, 5, 6, 8] {
        assert_eq!(smsc_code(code), "refused", "{code}");
    }
    for (code, meant) in [(4, "busy"), (7, "dead"), (9, "busy"), (10, "down"), (-1, "down")] {
        assert_eq!(smsc_code(code), meant, "{code}");
    }
    for (code, meant) in [
        (-3, "Unknown"),
        (-1, "Underway"),
        (0, "Underway"),
        (1, "Delivered"),
        (2, "Delivered"),
        (3, "Failed(\"expired\")"),
        (20, "Failed(\"undeliverable\")"),
        (25, "Failed(\"unavailable number\")"),
        (99, "untold"),
    ] {
        assert_eq!(
            status(Gateway::Smsc, &well(&json!({ "status": code, "last_date": "" }))),
            meant,
            "{code}"
        );
    }
    assert_eq!(status(Gateway::Smsc, &well(&json!({ "error": "words", "error_code": 2 }))), "refused");
}

#[test]
fn each_code_of_sms_ru_means_one_thing() {
    let one = json!({ "status": "OK", "status_code": 100, "sms_id": "000000-10000000" });
    let said =
        json!({ "status": "OK", "status_code": 100, "sms": { "79161234567": one }, "balance": "4122.56" });
    assert_eq!(taken(Gateway::SmsRu, &well(&said)), "taken 000000-10000000");
    let refusals =
        [200, 201, 203, 204, 205, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216, 232, 300, 301, 302];
    for code in refusals {
        assert_eq!(smsru_code(code), ["refused"; 2], "{code}");
    }
    for code in [206, 220, 230, 231, 233] {
        assert_eq!(smsru_code(code), ["busy"; 2], "{code}");
    }
    for (code, meant) in [(202, "dead"), (500, "down"), (101, "down"), (999, "down")] {
        assert_eq!(smsru_code(code), [meant; 2], "{code}");
    }
    for (code, meant) in [
        (-1, "Unknown"),
        (100, "Underway"),
        (102, "Underway"),
        (103, "Delivered"),
        (104, "Failed(\"expired\")"),
        (150, "Failed(\"no way leads to this phone\")"),
        (207, "Failed(\"refused after all\")"),
        (999, "untold"),
    ] {
        let one = json!({ "status": "OK", "status_code": code, "cost": 0.5 });
        let said = json!({ "status": "OK", "status_code": 100, "sms": { "000000-1": one } });
        assert_eq!(status(Gateway::SmsRu, &well(&said)), meant, "{code}");
    }
}

#[test]
fn each_answer_of_sms_aero_means_one_thing() {
    let body = |success: bool, data: Value| json!({ "success": success, "data": data, "message": "words" });
    let refused = |status, data| answer(status, &body(false, data).to_string());
    let sent =
        json!({ "id": 12345, "number": "79161234567", "status": 0, "extendStatus": "queue", "cost": 5.49 });
    for (meant, said) in [
        ("taken 12345", well(&body(true, sent))),
        ("dead: the provider knows no such address", refused(400, json!({ "number": ["words"] }))),
        (
            "refused: the provider refuses: 400: the request is refused",
            refused(400, json!({ "sign": ["words"] })),
        ),
        ("refused: the provider refuses: 200: the request is refused", refused(200, Value::Null)),
        ("refused: the provider refuses: 401: the login or the key is wrong", refused(401, Value::Null)),
        ("refused: the provider refuses: 402: no money is left", refused(402, Value::Null)),
        ("refused: the provider refuses: 200: no money is left", well(&json!({ "result": "no credits" }))),
        (
            "refused: the provider refuses: 200: the request is refused",
            well(&json!({ "result": "reject", "reason": "x" })),
        ),
        ("busy: the provider asks to come again later", refused(429, Value::Null)),
        ("down: the provider does not answer as it should: 500", refused(500, Value::Null)),
        ("down: the provider does not answer as it should: 404", answer(404, "<html>")),
        ("down: the provider does not answer as it should: 200 out of shape", well(&body(true, json!({})))),
        ("down: the provider does not answer as it should: 200 out of shape", well(&body(true, json!([1])))),
    ] {
        assert_eq!(taken(Gateway::SmsAero, &said), meant);
    }
    for (code, meant) in [
        (0, "Underway"),
        (1, "Delivered"),
        (2, "Failed(\"undelivered\")"),
        (3, "Underway"),
        (6, "Failed(\"rejected\")"),
        (8, "Underway"),
        (99, "untold"),
    ] {
        let said = well(&body(true, json!({ "id": 1, "status": code })));
        assert_eq!(status(Gateway::SmsAero, &said), meant, "{code}");
    }
    assert_eq!(status(Gateway::SmsAero, &refused(404, Value::Null)), "Unknown");
    assert_eq!(status(Gateway::SmsAero, &answer(404, "<html>")), "down");
}

#[test]
fn what_is_none_of_their_answers_proves_nothing() {
    for gateway in ALL {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "17",
            "<html>Sign in to go on</html>",
            r#"{"id":{},"status_code":[],"success":"yes"}"#,
            r#"{"id":null,"status_code":100,"success":true}"#,
            r#"{"error":"words","status_code":100,"sms":[],"success":true,"data":"id"}"#,
            r#"{"error_code":"x","status_code":"x","success":true,"data":{"id":{}}}"#,
            r#"{"status_code":100,"sms":{"1":{"status_code":100},"2":{"status_code":100}},"success":true,"data":{"id":1.5}}"#,
            r#"{"id":"../../etc","status_code":100,"sms":{"1":{"status_code":100,"sms_id":"<b>"}},"success":true,"data":{"id":"<b>"}}"#,
        ] {
            let said = taken(gateway, &answer(200, body));
            assert!(said.starts_with("down"), "{gateway:?} {body}: {said}");
        }
        for status in [204, 302, 400, 404, 500, 502] {
            let said = taken(gateway, &answer(status, "{\"id\":1}"));
            assert!(said.starts_with("down"), "{gateway:?} {status}: {said}");
        }
        let busy = Answer { retry_after: Some(chrono::TimeDelta::seconds(7)), ..answer(429, "") };
        let told = dialect(gateway).taken(&busy).unwrap_err();
        assert_eq!(told, SendError::Busy { retry_after: Some(chrono::TimeDelta::seconds(7)) }, "{gateway:?}");
    }
}

proptest! {
    /// Nothing is concluded from noise: no phone is dead, no message taken or delivered, and the log holds no letter of it.
    #[test]
    fn no_noise_is_believed_or_quoted(status in 100_u16..600, noise in "\\PC{0,80}", place in 0..3_usize) {
        let gateway = ALL[place];
        let bodies = [
            noise.clone(),
            json!({ "error": noise, "error_code": noise, "status_code": noise, "success": false, "message": noise })
                .to_string(),
            json!({ "status_code": 200, "error_code": 2, "status_text": noise, "success": false, "data": noise })
                .to_string(),
        ];
        for body in bodies {
            let said = answer(status, &body);
            prop_assert!(dialect(gateway).status(&said).is_err() || status == 404);
            let failure = dialect(gateway).taken(&said).unwrap_err();
            prop_assert!(failure != SendError::Dead);
            let words = failure.to_string();
            let quoted = noise.chars().count() > 24 && words.contains(&noise);
            prop_assert!(!quoted, "{words}");
        }
    }

    /// The name of a message at SMSC is a number that it takes, always the same.
    #[test]
    fn a_name_at_smsc_is_a_number_of_31_bits(id in any::<u128>()) {
        let id = Uuid::from_u128(id);
        let name = dialect(Gateway::Smsc).reference_of(id).unwrap();
        prop_assert!((1..=i32::MAX).contains(&name.parse().unwrap()));
        prop_assert_eq!(Some(name), dialect(Gateway::Smsc).reference_of(id));
    }

    /// Whatever stands in the place of a phone, only digits go out.
    #[test]
    fn only_digits_are_phones(text in "\\PC{0,20}|\\+[0-9]{8,17}") {
        let found = digits(&text);
        let right = found.is_none_or(|found| {
            text.strip_prefix('+') == Some(found) && (10..=15).contains(&found.len())
        });
        prop_assert!(right, "{found:?}");
    }
}

#[test]
fn a_gateway_says_what_it_needs() {
    for (gateway, fields) in [
        (Gateway::Smsc, &["sms_login"][..]),
        (Gateway::SmsRu, &[]),
        (Gateway::SmsAero, &["sms_login", "sms_sender"]),
    ] {
        for (field, less) in [
            ("sms_login", SmsSettings { login: None, ..settings(gateway) }),
            ("sms_sender", SmsSettings { sender: None, ..settings(gateway) }),
        ] {
            let named = opened(&less).err().map(|error| format!("{error:?}").contains(field));
            assert_eq!(named, fields.contains(&field).then_some(true), "{gateway:?} {field}");
        }
        let open = SmsSettings { endpoint: Some("http://sms.example".to_owned()), ..settings(gateway) };
        assert!(opened(&open).is_err(), "keys go to nobody in the clear");
    }
}

#[test]
fn no_secret_is_shown_nor_stands_in_an_address() {
    let message =
        SmsMessage { id: Uuid::nil(), to: "+79161234567".to_owned(), text: "Код 012345".to_owned() };
    for gateway in ALL {
        let opened = opened(&settings(gateway)).unwrap();
        let shown = format!("{opened:?} {:?}", settings(gateway));
        assert!(!shown.contains("SECRET") && !shown.contains("LOGIN"), "{shown}");
        let requests = [
            Some(opened.dialect.send(&opened.http, &message, "79161234567")),
            opened.dialect.ask(&opened.http, "79161234567", "17"),
            Some(opened.dialect.look(&opened.http)),
        ];
        for request in requests {
            let request = request.unwrap().build().unwrap();
            let url = request.url();
            assert!(url.query().is_none() && url.username().is_empty(), "{url}");
            assert_eq!(url.scheme(), "https");
        }
    }
}

#[test]
fn a_private_gateway_may_have_a_path() {
    for base in ["https://sms.example/gate", "https://sms.example/gate/", "https://sms.example/gate?x=1"] {
        let url = method(&Url::parse(base).unwrap(), &["sys", "send.php"]).unwrap();
        assert_eq!(url.as_str(), "https://sms.example/gate/sys/send.php");
    }
}
