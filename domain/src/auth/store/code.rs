//! Residents sign in by a code that is sent to their phone.

use chrono::TimeDelta;
use sea_orm::{ActiveEnum, FromQueryResult};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Bearer, Holder, SignIn, Tokens, nobody, open_family, remember_organization};
use crate::{
    Code, Error, Result, Time,
    auth::{
        CodeHash, CodeOutcome, OneTimeCode, Purpose, RefreshToken, StoredCode,
        code::{CODE_LIFETIME, CODE_TRIES, check},
    },
    channel::SmsMessage,
    db::Reader,
    id::{FamilyId, LoginId, OrganizationId, new_uuid},
    people::{locale::Locale, resident::login::of_phone},
    text::PhoneNumber,
    write::{Act, LockRank, Tx},
};

/// The phone a code is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestCode {
    /// The first phone of the resident.
    pub phone: PhoneNumber,
}

/// A code that came by SMS.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyCode {
    /// The phone it came to.
    pub phone: PhoneNumber,
    /// Its six digits.
    #[schema(pattern = "^[0-9]{6}$")]
    pub code: String,
    /// The organization to sign in to; the one he has belonged to longest if left out.
    pub organization_id: Option<OrganizationId>,
}

impl std::fmt::Debug for VerifyCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyCode").field("organization_id", &self.organization_id).finish_non_exhaustive()
    }
}

/// The least time between two codes for a phone.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// How many codes a phone gets in an hour.
const AN_HOUR: usize = 5;

impl SignIn {
    /// Sends a code to a resident. The answer is the same whether anybody has that phone; to a phone that nobody has
    /// nothing is sent.
    ///
    /// # Errors
    /// `too_many_requests` with `retry_after` in seconds: one code a minute, five an hour.
    pub async fn request_code(&self, args: RequestCode) -> Result<()> {
        let code = OneTimeCode::generate()?;
        let challenge = new_uuid(&**self.db.clock());
        let hash = code.hash(self.keys.secret(Purpose::Otp), args.phone.as_str(), challenge);
        let issue = Issue { phone: args.phone.clone(), challenge, hash };
        // The code is sent after the commit: what is sent can be entered.
        if let Some(locale) = self.db.write(nobody(), issue).await?
            && let Err(failure) = self
                .sms
                .send(&SmsMessage {
                    id: challenge,
                    to: args.phone.as_str().to_owned(),
                    text: message(locale, &code),
                })
                .await
        {
            // Telling it would tell that the phone is known; the resident asks again in a minute.
            tracing::error!(%challenge, error = &failure as &dyn std::error::Error, "a code was not sent");
        }
        Ok(())
    }

    /// Signs in a resident by a code.
    ///
    /// # Errors
    /// `bad_credentials`, with `tries_left` where a code stands; `not_found` for an organization the resident does not
    /// belong to, which leaves the code unused.
    pub async fn verify_code(&self, args: VerifyCode) -> Result<Tokens> {
        let code = OneTimeCode::parse(&args.code)?;
        let phone = args.phone.as_str();
        let Some(standing) = newest(&self.db.reader(), phone).await? else { return Err(wrong(None)) };
        let (family, first) = (FamilyId::new(&**self.db.clock()), RefreshToken::generate()?);
        let attempt = Try {
            tried: code.hash(self.keys.secret(Purpose::Otp), phone, standing.id),
            challenge: standing.id,
            phone: args.phone.clone(),
            organization: args.organization_id,
            family,
            first: first.clone(),
        };
        match self.db.write(nobody(), attempt).await? {
            Tried::Right { bearer, void_at } => self.tokens(bearer, family, &first, void_at),
            Tried::Wrong { tries_left } => Err(wrong(tries_left)),
        }
    }
}

fn wrong(tries_left: Option<u8>) -> Error {
    let failure = Error::new(Code::BadCredentials, Code::BadCredentials.title());
    match tries_left {
        Some(tries) => failure.with("tries_left", tries),
        None => failure,
    }
}

fn message(locale: Locale, code: &OneTimeCode) -> String {
    match locale {
        Locale::Ru => format!("Код для входа: {}. Никому его не сообщайте.", code.expose()),
        Locale::En => format!("Your sign-in code: {}. Tell it to nobody.", code.expose()),
    }
}

/// Stores the hash of a code; the language to send it in, if anybody has the phone.
struct Issue {
    phone: PhoneNumber,
    challenge: Uuid,
    hash: CodeHash,
}

impl Act for Issue {
    const NAME: &'static str = "auth.request_code";
    type Out = Option<Locale>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<Locale>> {
        let login = of_phone(&tx.reader(), &self.phone).await?;
        // Requests for one login come one after another, so that two at once do not both find the minute over.
        tx.lock_rows(LockRank::Tickets, "resident_login", "id", login.map(|login| login.0)).await?;
        self.check_rate(tx).await?;
        tx.execute(
            "INSERT INTO one_time_code (id, phone, hash, created_at, expires_at, tries_left)
             VALUES ($1, $2, $3, $4, $5, $6)",
            [
                self.challenge.into(),
                self.phone.as_str().into(),
                self.hash.as_bytes().to_vec().into(),
                tx.now().into(),
                (tx.now() + CODE_LIFETIME).into(),
                i64::from(CODE_TRIES).into(),
            ],
        )
        .await?;
        match login {
            Some(login) => language(&tx.reader(), login).await,
            None => Ok(None),
        }
    }
}

impl Issue {
    /// The rate is counted for every phone, known or not: it tells nothing.
    async fn check_rate(&self, tx: &Tx) -> Result<()> {
        #[derive(FromQueryResult)]
        struct Issued {
            created_at: Time,
        }
        let hour = TimeDelta::hours(1);
        let issued = tx
            .reader()
            .all::<Issued>(
                "SELECT created_at FROM one_time_code WHERE phone = $1 AND created_at > $2
                 ORDER BY created_at DESC",
                [self.phone.as_str().into(), (tx.now() - hour).into()],
            )
            .await?;
        let next = [
            issued.first().map(|newest| newest.created_at + PAUSE),
            issued.get(AN_HOUR - 1).map(|fifth| fifth.created_at + hour),
        ];
        match next.into_iter().flatten().max().map(|next| next - tx.now()) {
            Some(wait) if wait > TimeDelta::zero() => {
                // A part of a second is a second: whoever waits as told is not refused again.
                let seconds = wait.num_seconds() + i64::from(wait.subsec_nanos() > 0);
                Err(Error::new(Code::TooManyRequests, Code::TooManyRequests.title())
                    .with("retry_after", seconds))
            }
            _ => Ok(()),
        }
    }
}

/// The language of a login's oldest membership; `None` where it has none.
async fn language(reader: &Reader<'_>, login: LoginId) -> Result<Option<Locale>> {
    #[derive(FromQueryResult)]
    struct Spoken {
        locale: String,
    }
    let spoken = reader
        .one::<Spoken>(
            "SELECT locale FROM resident WHERE login_id = $1 ORDER BY created_at, id LIMIT 1",
            [login.0.into()],
        )
        .await?;
    spoken.map(|row| Locale::try_from_value(&row.locale).map_err(Error::internal)).transpose()
}

#[derive(FromQueryResult)]
struct Standing {
    id: Uuid,
    hash: Vec<u8>,
    expires_at: Time,
    tries_left: i64,
    consumed_at: Option<Time>,
}

/// The newest code of a phone: an older one is void.
async fn newest(reader: &Reader<'_>, phone: &str) -> Result<Option<Standing>> {
    reader
        .one(
            "SELECT id, hash, expires_at, tries_left, consumed_at FROM one_time_code WHERE phone = $1
             ORDER BY created_at DESC, id DESC LIMIT 1",
            [phone.into()],
        )
        .await
}

/// Tries a code.
struct Try {
    tried: CodeHash,
    challenge: Uuid,
    phone: PhoneNumber,
    organization: Option<OrganizationId>,
    family: FamilyId,
    first: RefreshToken,
}

/// What a try came to. A wrong one is an outcome and no error: an error would give the try back.
enum Tried {
    Right { bearer: Bearer, void_at: Time },
    Wrong { tries_left: Option<u8> },
}

impl Act for Try {
    const NAME: &'static str = "auth.verify_code";
    type Out = Tried;

    async fn run(&self, tx: &mut Tx) -> Result<Tried> {
        let standing = newest(&tx.reader(), self.phone.as_str()).await?;
        let Some(standing) = standing.filter(|code| code.id == self.challenge) else {
            // A newer one was sent meanwhile.
            return Ok(Tried::Wrong { tries_left: None });
        };
        let tries_left = u8::try_from(standing.tries_left).map_err(Error::internal)?;
        let hash = <[u8; 32]>::try_from(standing.hash.as_slice())
            .map_err(|_| Error::internal(format!("one_time_code {}, column hash", standing.id)))?;
        let stored = StoredCode {
            hash: CodeHash::from_bytes(hash),
            expires_at: standing.expires_at,
            tries_left,
            consumed: standing.consumed_at.is_some(),
        };
        match check(&stored, &self.tried, tx.now()) {
            CodeOutcome::Right => self.right(tx, tries_left).await,
            CodeOutcome::Wrong { tries_left: left } => {
                self.settle(tx, tries_left, left, None).await?;
                Ok(Tried::Wrong { tries_left: Some(left) })
            }
            CodeOutcome::Exhausted => Ok(Tried::Wrong { tries_left: Some(0) }),
            CodeOutcome::Expired | CodeOutcome::Consumed => Ok(Tried::Wrong { tries_left: None }),
        }
    }
}

impl Try {
    async fn right(&self, tx: &Tx, tries_left: u8) -> Result<Tried> {
        let bearer = match of_phone(&tx.reader(), &self.phone).await? {
            Some(login) => {
                Bearer::resident(&tx.reader(), login, self.organization).await?.map(|bearer| (login, bearer))
            }
            None => None,
        };
        let Some((login, bearer)) = bearer else {
            // Guessed for a phone that nobody has: it costs a try like any other.
            let left = tries_left - 1;
            self.settle(tx, tries_left, left, None).await?;
            return Ok(Tried::Wrong { tries_left: Some(left) });
        };
        self.settle(tx, tries_left, tries_left, Some(tx.now())).await?;
        let void_at = open_family(tx, self.family, Holder::Resident(login), &self.first).await?;
        remember_organization(tx, self.family, bearer.organization).await?;
        Ok(Tried::Right { bearer, void_at })
    }

    /// Writes the outcome if nobody else has tried meanwhile: of tries that come at once each counts.
    async fn settle(&self, tx: &Tx, before: u8, after: u8, consumed_at: Option<Time>) -> Result<()> {
        let written = tx
            .execute(
                "UPDATE one_time_code SET tries_left = $3, consumed_at = $4
                 WHERE id = $1 AND tries_left = $2 AND consumed_at IS NULL",
                [
                    self.challenge.into(),
                    i64::from(before).into(),
                    i64::from(after).into(),
                    consumed_at.into(),
                ],
            )
            .await?;
        if written.rows_affected() == 1 { Ok(()) } else { Err(Error::restart("another try came first")) }
    }
}
