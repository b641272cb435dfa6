//! Signing in, on both databases.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::{
    auth::{Purpose, SigningKey, refresh::successor},
    channel::{SendError, SmsMessage, SmsStatus, Taken},
    people::{
        fixture::{Company, PASSWORD, company, hire, password, resident},
        user::{
            password::{ChangePassword, SetPassword, change_own, set},
            store::Change,
        },
    },
    testing::{TestDb, assert_sound, databases},
    text::PhoneNumber,
};

/// Keeps what was sent; refuses when told so.
#[derive(Debug, Default)]
struct Sent {
    messages: Mutex<Vec<(String, String)>>,
    broken: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl Sms for Sent {
    async fn send(&self, message: &SmsMessage) -> Result<Taken, SendError> {
        if self.broken.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(SendError::Down("no provider".to_owned()));
        }
        let message = (message.to.clone(), message.text.clone());
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        Ok(Taken::default())
    }

    async fn status(&self, _: &SmsMessage, _: &str) -> Result<Option<SmsStatus>, SendError> {
        Ok(None)
    }

    fn reference_of(&self, _: Uuid) -> Option<String> {
        None
    }
}

impl Sent {
    fn count(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    /// The code of the last message.
    fn code(&self) -> String {
        let messages = self.messages.lock().unwrap();
        messages.last().unwrap().1.chars().filter(char::is_ascii_digit).collect()
    }
}

struct Desk {
    test: TestDb,
    company: Company,
    sign_in: SignIn,
    keys: Arc<KeyRing>,
    sms: Arc<Sent>,
    _folder: tempfile::TempDir,
}

async fn desks() -> Vec<Desk> {
    let mut desks = Vec::new();
    for test in databases().await {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("key.pem");
        let keys = Arc::new(KeyRing::new(SigningKey::load_or_create(&path).unwrap(), Vec::new()));
        let sms = Arc::new(Sent::default());
        let sign_in = SignIn::new(test.db.clone(), keys.clone(), sms.clone());
        let company = company(&test.db, "dom").await;
        desks.push(Desk { test, company, sign_in, keys, sms, _folder: folder });
    }
    desks
}

impl Desk {
    async fn log_in(&self, login: &str, secret: &str) -> Result<Tokens> {
        self.sign_in.log_in(LogIn { login: login.to_owned(), password: password(secret) }).await
    }

    async fn refresh(&self, token: &str, rotation: Uuid) -> Result<Tokens> {
        let (refresh_token, rotation_id) = (token.to_owned(), rotation);
        self.sign_in.refresh(Refresh { refresh_token, rotation_id, organization_id: None }).await
    }

    async fn request(&self) -> Result<()> {
        self.request_for(PHONE).await
    }

    async fn request_for(&self, phone: &str) -> Result<()> {
        self.sign_in.request_code(RequestCode { phone: PhoneNumber::parse(phone).unwrap() }).await
    }

    async fn verify(&self, code: &str) -> Result<Tokens> {
        self.verify_in(code, None).await
    }

    async fn verify_in(&self, code: &str, organization_id: Option<OrganizationId>) -> Result<Tokens> {
        let phone = PhoneNumber::parse(PHONE).unwrap();
        self.sign_in.verify_code(VerifyCode { phone, code: code.to_owned(), organization_id }).await
    }

    fn claims(&self, tokens: &Tokens) -> AccessClaims {
        token::verify(&self.keys, &tokens.access_token, self.test.db.clock().now()).unwrap()
    }

    async fn reason(&self, tokens: &Tokens) -> Option<String> {
        #[derive(FromQueryResult)]
        struct Family {
            revoked_reason: Option<String>,
        }
        let sql = "SELECT revoked_reason FROM token_family WHERE id = $1";
        let family = self.claims(tokens).fam;
        self.test.db.reader().one::<Family>(sql, [family.0.into()]).await.unwrap().unwrap().revoked_reason
    }
}

const PHONE: &str = "+79123456789";

fn rotation() -> Uuid {
    Uuid::now_v7()
}

fn code_of<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(failure) => failure.code(),
    }
}

/// Another code than this one.
fn other(code: &str) -> String {
    let last = if code.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &code[..5])
}

#[tokio::test]
async fn staff_sign_in_by_login_and_password() {
    for desk in desks().await {
        let tokens = desk.log_in(" ADMIN@dom", PASSWORD).await.unwrap();
        let claims = desk.claims(&tokens);
        assert_eq!(claims.sub, desk.company.admin.actor_id());
        assert_eq!((claims.org, claims.role, claims.login), (desk.company.id, Role::Admin, None));
        assert_eq!((tokens.token_type, tokens.expires_in), ("Bearer", 900));
        assert_eq!(tokens.refresh_expires_in, 30 * 86_400);
        assert!(tokens.memberships.is_empty());
        for (login, secret) in [
            ("admin@dom", "wrong horse battery"),
            ("nobody@dom", PASSWORD),
            ("?", PASSWORD),
            ("admin@dom", &"x".repeat(200)),
        ] {
            assert_eq!(code_of(desk.log_in(login, secret).await), Code::BadCredentials, "{login}");
        }
        assert_sound(&desk.test.db).await;
    }
}

#[tokio::test]
async fn a_refresh_rotates_and_a_lost_answer_is_given_again() {
    for desk in desks().await {
        let first = desk.log_in("admin@dom", PASSWORD).await.unwrap();
        let id = rotation();
        desk.test.clock.advance(TimeDelta::hours(1));
        let second = desk.refresh(&first.refresh_token, id).await.unwrap();
        assert_ne!(second.refresh_token, first.refresh_token);
        assert_eq!(desk.claims(&second).fam, desk.claims_later(&first));
        desk.test.clock.advance(TimeDelta::minutes(1));
        let again = desk.refresh(&first.refresh_token, id).await.unwrap();
        assert_eq!(again.refresh_token, second.refresh_token);
        assert_eq!(
            again.refresh_expires_in,
            second.refresh_expires_in - 60,
            "the same token, a minute older"
        );
        let third = desk.refresh(&second.refresh_token, rotation()).await.unwrap();
        assert_ne!(third.refresh_token, second.refresh_token);
        assert_eq!(desk.reason(&third).await, None);
        assert_sound(&desk.test.db).await;
    }
}

impl Desk {
    /// The family of tokens whose access token has expired by now.
    fn claims_later(&self, tokens: &Tokens) -> FamilyId {
        let earlier = self.test.db.clock().now() - TimeDelta::hours(1);
        token::verify(&self.keys, &tokens.access_token, earlier).unwrap().fam
    }
}

#[tokio::test]
async fn a_used_token_with_another_rotation_ends_the_sign_in_for_good() {
    for desk in desks().await {
        let first = desk.log_in("admin@dom", PASSWORD).await.unwrap();
        let bystander = desk.log_in("admin@dom", PASSWORD).await.unwrap();
        let second = desk.refresh(&first.refresh_token, rotation()).await.unwrap();
        let third = desk.refresh(&second.refresh_token, rotation()).await.unwrap();
        assert_eq!(code_of(desk.refresh(&first.refresh_token, rotation()).await), Code::TokenReused);
        // The end of the family was committed although the answer was an error.
        assert_eq!(desk.reason(&third).await.as_deref(), Some("reuse"));
        for token in [&first, &second, &third] {
            assert_eq!(code_of(desk.refresh(&token.refresh_token, rotation()).await), Code::TokenInvalid);
        }
        desk.refresh(&bystander.refresh_token, rotation()).await.unwrap();
        assert_sound(&desk.test.db).await;
    }
}

#[tokio::test]
async fn an_answer_that_did_arrive_is_not_given_again() {
    for desk in desks().await {
        let first = desk.log_in("admin@dom", PASSWORD).await.unwrap();
        let id = rotation();
        let second = desk.refresh(&first.refresh_token, id).await.unwrap();
        let third = desk.refresh(&second.refresh_token, rotation()).await.unwrap();
        assert_eq!(code_of(desk.refresh(&first.refresh_token, id).await), Code::TokenReused);
        assert_eq!(desk.reason(&third).await.as_deref(), Some("reuse"));
    }
}

#[tokio::test]
async fn what_is_old_unknown_or_no_token_is_void() {
    for desk in desks().await {
        let first = desk.log_in("admin@dom", PASSWORD).await.unwrap();
        let unknown = RefreshToken::generate().unwrap().expose();
        for token in [unknown.as_str(), "nrt_", "", &first.access_token] {
            assert_eq!(code_of(desk.refresh(token, rotation()).await), Code::TokenInvalid, "{token}");
        }
        assert_eq!(code_of(desk.refresh(&first.refresh_token, Uuid::nil()).await), Code::InvalidField);
        // A successor that was never issued opens nothing, although the server could compute it.
        let token = RefreshToken::parse(&first.refresh_token).unwrap();
        let ahead = successor(desk.keys.secret(Purpose::Rotation), &token, RotationId(rotation()));
        assert_eq!(code_of(desk.refresh(&ahead.expose(), rotation()).await), Code::TokenInvalid);
        desk.test.clock.advance(REFRESH_LIFETIME);
        assert_eq!(code_of(desk.refresh(&first.refresh_token, rotation()).await), Code::TokenInvalid);
    }
}

#[tokio::test]
async fn of_many_refreshes_at_once_one_wins_and_its_repetitions_agree() {
    for desk in desks().await {
        let first = desk.log_in("admin@dom", PASSWORD).await.unwrap();
        let id = rotation();
        let all =
            futures_util::future::join_all((0..8).map(|_| desk.refresh(&first.refresh_token, id))).await;
        let mut tokens: Vec<_> = all.into_iter().map(|answer| answer.unwrap().refresh_token).collect();
        tokens.dedup();
        assert_eq!(tokens.len(), 1);
    }
}

#[tokio::test]
async fn logging_out_ends_this_sign_in_and_no_other() {
    for desk in desks().await {
        let (here, there) = (
            desk.log_in("admin@dom", PASSWORD).await.unwrap(),
            desk.log_in("admin@dom", PASSWORD).await.unwrap(),
        );
        let out = || LogOut { refresh_token: here.refresh_token.clone() };
        desk.sign_in.log_out(out()).await.unwrap();
        desk.sign_in.log_out(out()).await.unwrap();
        assert_eq!(code_of(desk.refresh(&here.refresh_token, rotation()).await), Code::TokenInvalid);
        desk.refresh(&there.refresh_token, rotation()).await.unwrap();
        let unknown = RefreshToken::generate().unwrap().expose();
        desk.sign_in.log_out(LogOut { refresh_token: unknown }).await.unwrap();
    }
}

#[tokio::test]
async fn whoever_was_let_go_is_out_everywhere() {
    for desk in desks().await {
        let db = &desk.test.db;
        let tokens = desk.log_in("technician@dom", PASSWORD).await.unwrap();
        let id = UserId(desk.company.technician.actor_id());
        let change = |version, active: bool| Change {
            id,
            version,
            args: serde_json::from_value(json!({ "active": active })).unwrap(),
        };
        db.write(desk.company.admin, change(1, false)).await.unwrap();
        assert_eq!(desk.reason(&tokens).await.as_deref(), Some("deactivated"));
        assert_eq!(code_of(desk.log_in("technician@dom", PASSWORD).await), Code::BadCredentials);
        db.write(desk.company.admin, change(2, true)).await.unwrap();
        assert_eq!(code_of(desk.refresh(&tokens.refresh_token, rotation()).await), Code::TokenInvalid);
        desk.log_in("technician@dom", PASSWORD).await.unwrap();
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_opened() {
    for desk in desks().await {
        let db = &desk.test.db;
        let dispatcher = UserId(desk.company.dispatcher.actor_id());
        let own = desk.company.dispatcher;
        let change = async |old: &str, new: &str| {
            let args = ChangePassword { old_password: password(old), new_password: password(new) };
            change_own(db, own, args).await
        };
        let set = async |scope, user, new: &str| {
            set(db, scope, user, SetPassword { password: password(new) }).await
        };
        let new = "staple battery horse";
        assert_eq!(code_of(change("wrong horse battery", new).await), Code::BadCredentials);
        assert_eq!(change(PASSWORD, "short").await.unwrap_err().fields()[0].field, "new_password");
        for scope in [desk.company.manager, desk.company.technician, own] {
            assert_eq!(code_of(set(scope, dispatcher, new).await), Code::Forbidden);
        }
        let admin = UserId(desk.company.admin.actor_id());
        assert_eq!(code_of(set(desk.company.admin, admin, new).await), Code::Forbidden, "with the old one");

        let tokens = desk.log_in("dispatcher@dom", PASSWORD).await.unwrap();
        change(PASSWORD, new).await.unwrap();
        assert_eq!(desk.reason(&tokens).await.as_deref(), Some("password"));
        assert_eq!(code_of(desk.log_in("dispatcher@dom", PASSWORD).await), Code::BadCredentials);
        let tokens = desk.log_in("dispatcher@dom", new).await.unwrap();
        set(desk.company.admin, dispatcher, PASSWORD).await.unwrap();
        assert_eq!(desk.reason(&tokens).await.as_deref(), Some("password"));
        desk.log_in("dispatcher@dom", PASSWORD).await.unwrap();
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_resident_signs_in_by_a_code_and_goes_on_in_another_organization() {
    for desk in desks().await {
        let db = &desk.test.db;
        let other = company(db, "sosed").await;
        let here = resident(db, desk.company.dispatcher, &[PHONE, "+74951234567"], &[]).await;
        desk.test.clock.advance(TimeDelta::days(1));
        let there = resident(db, other.dispatcher, &[PHONE], &[]).await;
        desk.request().await.unwrap();
        let code = desk.sms.code();
        assert_eq!(code.len(), 6);
        assert_eq!(desk.sms.messages.lock().unwrap()[0].0, PHONE);
        let tokens = desk.verify(&code).await.unwrap();
        let claims = desk.claims(&tokens);
        assert_eq!((claims.sub, claims.org, claims.role), (here.id.0, desk.company.id, Role::Resident));
        assert!(claims.login.is_some());
        let names: Vec<_> = tokens.memberships.iter().map(|m| m.organization_name.as_str()).collect();
        assert_eq!(names, ["dom", "sosed"]);
        assert_eq!(code_of(desk.verify(&code).await), Code::BadCredentials, "a code opens once");

        let switch = |token: &str, organization| Refresh {
            refresh_token: token.to_owned(),
            rotation_id: rotation(),
            organization_id: Some(organization),
        };
        let nowhere = OrganizationId::new(&**db.clock());
        let refused = desk.sign_in.refresh(switch(&tokens.refresh_token, nowhere)).await;
        assert_eq!(code_of(refused), Code::NotFound);
        // The refusal has used nothing up.
        let switched = desk.sign_in.refresh(switch(&tokens.refresh_token, other.id)).await.unwrap();
        let claims = desk.claims(&switched);
        assert_eq!((claims.sub, claims.org), (there.id.0, other.id));
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn five_tries_are_five_even_when_they_come_at_once() {
    for desk in desks().await {
        resident(&desk.test.db, desk.company.dispatcher, &[PHONE], &[]).await;
        desk.request().await.unwrap();
        let (right, wrong) = (desk.sms.code(), other(&desk.sms.code()));
        let tries = futures_util::future::join_all((0..4).map(|_| desk.verify(&wrong))).await;
        let mut left: Vec<_> =
            tries.into_iter().map(|refused| refused.unwrap_err().details()["tries_left"].as_u64()).collect();
        left.sort_unstable();
        assert_eq!(left, [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!(desk.verify(&wrong).await.unwrap_err().details()["tries_left"], json!(0));
        let refused = desk.verify(&right).await.unwrap_err();
        assert_eq!((refused.code(), &refused.details()["tries_left"]), (Code::BadCredentials, &json!(0)));
        // A new code is a new chance, and the old one is void.
        desk.test.clock.advance(TimeDelta::minutes(1));
        desk.request().await.unwrap();
        if desk.sms.code() != right {
            assert_eq!(code_of(desk.verify(&right).await), Code::BadCredentials);
        }
        desk.verify(&desk.sms.code()).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_lives_for_ten_minutes() {
    for desk in desks().await {
        resident(&desk.test.db, desk.company.dispatcher, &[PHONE], &[]).await;
        desk.request().await.unwrap();
        desk.test.clock.advance(TimeDelta::minutes(10));
        assert_eq!(code_of(desk.verify(&desk.sms.code()).await), Code::BadCredentials);
    }
}

#[tokio::test]
async fn codes_are_sent_once_a_minute_and_five_times_an_hour() {
    for desk in desks().await {
        resident(&desk.test.db, desk.company.dispatcher, &[PHONE], &[]).await;
        for sent in 1..=5 {
            desk.request().await.unwrap();
            assert_eq!(desk.sms.count(), sent);
            desk.test.clock.advance(TimeDelta::milliseconds(59_500));
            let refused = desk.request().await.unwrap_err();
            let wait = if sent < 5 { 1 } else { 3_600 - 5 * 60 + 1 };
            assert_eq!(
                (refused.code(), &refused.details()["retry_after"]),
                (Code::TooManyRequests, &json!(wait))
            );
            desk.test.clock.advance(TimeDelta::milliseconds(500));
        }
        desk.test.clock.advance(TimeDelta::minutes(55));
        desk.request().await.unwrap();
        assert_eq!(desk.sms.count(), 6);
    }
}

#[tokio::test]
async fn an_unknown_phone_is_answered_like_a_known_one() {
    for desk in desks().await {
        desk.request().await.unwrap();
        assert_eq!(desk.sms.count(), 0, "nobody has this phone");
        assert_eq!(code_of(desk.request().await), Code::TooManyRequests);
        let refused = desk.verify("000000").await.unwrap_err();
        assert_eq!((refused.code(), &refused.details()["tries_left"]), (Code::BadCredentials, &json!(4)));
        assert_eq!(desk.verify("12345").await.unwrap_err().fields()[0].field, "code");
        // A provider that fails is not told either: only for a known phone is it asked.
        resident(&desk.test.db, desk.company.dispatcher, &["+79123456780"], &[]).await;
        desk.sms.broken.store(true, std::sync::atomic::Ordering::Relaxed);
        desk.request_for("+79123456780").await.unwrap();
    }
}

#[tokio::test]
async fn a_resident_whose_number_changed_is_out() {
    for desk in desks().await {
        let db = &desk.test.db;
        let here = resident(db, desk.company.dispatcher, &[PHONE], &[]).await;
        desk.request().await.unwrap();
        let tokens = desk.verify_in(&desk.sms.code(), Some(desk.company.id)).await.unwrap();
        let change = crate::people::resident::store::Change {
            id: here.id,
            version: 1,
            args: serde_json::from_value(json!({ "phones": ["+79123456780"] })).unwrap(),
        };
        db.write(desk.company.dispatcher, change).await.unwrap();
        assert_eq!(code_of(desk.refresh(&tokens.refresh_token, rotation()).await), Code::TokenInvalid);
        assert_sound(db).await;
    }
}

#[tokio::test]
async fn a_member_of_staff_stays_in_his_organization() {
    for desk in desks().await {
        let other = company(&desk.test.db, "sosed").await;
        hire(&desk.test.db, desk.company.admin, Role::Integration, "dom").await;
        let tokens = desk.log_in("integration@dom", PASSWORD).await.unwrap();
        let switch = Refresh {
            refresh_token: tokens.refresh_token.clone(),
            rotation_id: rotation(),
            organization_id: Some(other.id),
        };
        assert_eq!(code_of(desk.sign_in.refresh(switch).await), Code::NotFound);
        desk.refresh(&tokens.refresh_token, rotation()).await.unwrap();
    }
}
