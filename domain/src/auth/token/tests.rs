use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    auth::key::{SigningKey, VerifyingKey},
    clock::ManualClock,
};

const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
    -----END PUBLIC KEY-----\n";

fn known_key() -> SigningKey {
    SigningKey::from_pem(
        "-----BEGIN PRIVATE KEY-----\n\
         MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
         -----END PRIVATE KEY-----\n",
    )
    .unwrap()
}

fn other_key() -> SigningKey {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    SigningKey::from_pkcs8(pair.to_pkcs8v1().unwrap().as_ref()).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(known_key(), Vec::new())
}

fn start() -> Time {
    "2026-03-01T10:00:00.25Z".parse().unwrap()
}

fn claims() -> AccessClaims {
    let clock = ManualClock::at(start());
    AccessClaims::new(
        Uuid::from_u128(1),
        OrganizationId(Uuid::from_u128(2)),
        Role::Technician,
        FamilyId(Uuid::from_u128(3)),
        ACCESS_LIFETIME,
        &clock,
    )
}

/// Signs any header and body with `key`, as somebody with the key could.
fn sign(key: &EncodingKey, header: &Header, body: &Value) -> String {
    jsonwebtoken::encode(header, body, key).unwrap()
}

fn header(kid: Option<&str>) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = kid.map(str::to_owned);
    header
}

fn body() -> Value {
    serde_json::to_value(Issued { iss: NAME, aud: NAME, claims: &claims() }).unwrap()
}

fn refusal(ring: &KeyRing, token: &str) -> Code {
    verify(ring, token, start()).unwrap_err().code()
}

#[test]
fn what_was_issued_is_verified() {
    let staff = claims();
    assert_eq!(verify(&ring(), &issue(&ring(), &staff).unwrap(), start()).unwrap(), staff);

    let resident = AccessClaims { role: Role::Resident, ..claims() }.with_login(LoginId(Uuid::from_u128(4)));
    assert_eq!(verify(&ring(), &issue(&ring(), &resident).unwrap(), start()).unwrap(), resident);
}

#[test]
fn it_expires_to_the_second_by_the_clock() {
    let clock = ManualClock::at(start());
    let ring = ring();
    let token = issue(&ring, &claims()).unwrap();
    let end: Time = "2026-03-01T10:15:00Z".parse().unwrap();

    clock.set(end - TimeDelta::microseconds(1));
    assert!(verify(&ring, &token, clock.now()).is_ok());
    clock.set(end);
    assert_eq!(verify(&ring, &token, clock.now()).unwrap_err().code(), Code::TokenExpired);
    clock.advance(TimeDelta::days(3650));
    assert_eq!(verify(&ring, &token, clock.now()).unwrap_err().code(), Code::TokenExpired);
}

#[test]
fn the_lifetime_is_the_callers() {
    let clock = ManualClock::at(start());
    let claims = AccessClaims { exp: claims().iat + TimeDelta::seconds(1), ..claims() };
    let token = issue(&ring(), &claims).unwrap();
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(verify(&ring(), &token, clock.now()).unwrap_err().code(), Code::TokenExpired);
}

#[test]
fn a_token_of_the_future_is_refused_beyond_sixty_seconds() {
    let ring = ring();
    let token = issue(&ring, &claims()).unwrap();
    let iat = claims().iat;
    assert!(verify(&ring, &token, iat - TimeDelta::seconds(60)).is_ok());
    let early = verify(&ring, &token, iat - TimeDelta::seconds(61)).unwrap_err();
    assert_eq!(early.code(), Code::TokenInvalid);

    let key = known_key();
    let mut late = body();
    late["nbf"] = json!(start().timestamp() + 60);
    let token = sign(key.encoding(), &header(Some(key.kid())), &late);
    assert!(verify(&ring, &token, start()).is_ok());
    late["nbf"] = json!(start().timestamp() + 61);
    assert_eq!(refusal(&ring, &sign(key.encoding(), &header(Some(key.kid())), &late)), Code::TokenInvalid);
}

#[test]
fn alg_none_is_refused() {
    let key = known_key();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for alg in ["none", "None", "NONE", ""] {
        let head = json!({ "alg": alg, "typ": "JWT", "kid": key.kid() });
        let unsigned = format!("{}.{}.", encode(&head), encode(&body()));
        assert_eq!(refusal(&ring(), &unsigned), Code::TokenInvalid);
    }
}

#[test]
fn hs256_with_the_public_key_as_its_secret_is_refused() {
    let key = known_key();
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.kid = Some(key.kid().to_owned());
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    for secret in [key.verifying_key().as_bytes(), x.as_bytes(), PUBLIC_PEM.as_bytes()] {
        let forged = sign(&EncodingKey::from_secret(secret), &symmetric, &body());
        assert_eq!(refusal(&ring(), &forged), Code::TokenInvalid);
    }
}

#[test]
fn the_kid_must_be_there_and_be_that_of_the_signer() {
    let (key, other) = (known_key(), other_key());
    let good = sign(key.encoding(), &header(Some(key.kid())), &body());
    assert!(verify(&ring(), &good, start()).is_ok());

    for forged in [
        sign(key.encoding(), &header(None), &body()),
        sign(key.encoding(), &header(Some("another")), &body()),
        sign(other.encoding(), &header(Some(other.kid())), &body()),
        sign(other.encoding(), &header(Some(key.kid())), &body()),
    ] {
        assert_eq!(refusal(&ring(), &forged), Code::TokenInvalid);
    }
}

#[test]
fn a_previous_key_is_believed_while_it_is_in_the_ring() {
    let issued = claims();
    let token = issue(&ring(), &issued).unwrap();
    let rotated = KeyRing::new(other_key(), vec![VerifyingKey::from_pem(PUBLIC_PEM).unwrap()]);
    assert_eq!(verify(&rotated, &token, start()).unwrap(), issued);
    let forgotten = KeyRing::new(other_key(), Vec::new());
    assert_eq!(refusal(&forgotten, &token), Code::TokenInvalid);
}

#[test]
fn issuer_audience_and_every_claim_are_required() {
    let key = known_key();
    let sign = |body: &Value| sign(key.encoding(), &header(Some(key.kid())), body);
    for claim in ["iss", "aud", "sub", "org", "role", "fam", "iat", "exp", "jti"] {
        let mut poor = body();
        poor.as_object_mut().unwrap().remove(claim);
        assert_eq!(refusal(&ring(), &sign(&poor)), Code::TokenInvalid, "without {claim}");
    }
    for (claim, value) in [
        ("iss", json!("another")),
        ("aud", json!("another")),
        ("aud", json!(["another"])),
        ("role", json!("owner")),
        ("exp", json!("tomorrow")),
        ("exp", json!(-1)),
        ("iat", json!(i64::MAX)),
    ] {
        let mut strange = body();
        strange[claim] = value;
        assert_eq!(refusal(&ring(), &sign(&strange)), Code::TokenInvalid, "strange {claim}");
    }
}

#[test]
fn a_changed_payload_is_refused() {
    let token = issue(&ring(), &claims()).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let mut richer = body();
    richer["role"] = json!("admin");
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(richer.to_string()), parts[2]);
    assert_eq!(refusal(&ring(), &forged), Code::TokenInvalid);
}

proptest! {
    #[test]
    fn one_other_character_anywhere_is_refused(at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.=-]") {
        let token = issue(&ring(), &claims()).unwrap();
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != with);
        let mut forged = token;
        forged.replace_range(at..=at, &with);
        prop_assert_eq!(refusal(&ring(), &forged), Code::TokenInvalid);
    }

    #[test]
    fn garbage_is_refused_without_a_panic(text in ".{0,300}") {
        prop_assert_eq!(refusal(&ring(), &text), Code::TokenInvalid);
    }

    #[test]
    fn garbage_in_three_parts_is_refused_without_a_panic(parts in prop::collection::vec(any::<Vec<u8>>(), 1..5)) {
        let text = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".");
        prop_assert_eq!(refusal(&ring(), &text), Code::TokenInvalid);
    }

    #[test]
    fn any_signed_times_are_judged_without_a_panic(iat in any::<i64>(), exp in any::<i64>(), nbf in any::<Option<i64>>()) {
        let key = known_key();
        let mut odd = body();
        odd["iat"] = json!(iat);
        odd["exp"] = json!(exp);
        odd["nbf"] = json!(nbf);
        let token = sign(key.encoding(), &header(Some(key.kid())), &odd);
        if let Ok(claims) = verify(&ring(), &token, start()) {
            prop_assert!(claims.exp > start() && claims.iat <= start() + SKEW);
        }
    }
}

#[test]
fn an_endless_token_is_refused_unread() {
    let key = known_key();
    let mut long = body();
    long["pad"] = json!("x".repeat(LONGEST));
    assert_eq!(refusal(&ring(), &sign(key.encoding(), &header(Some(key.kid())), &long)), Code::TokenInvalid);
}
