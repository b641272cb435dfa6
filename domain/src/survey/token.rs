//! Links by which a question is answered without signing in.
//!
//! A token names the invitation and the end of its time and is signed by HMAC-SHA256 with a secret of its own, so that
//! nothing need be looked up to refuse a forged one. It is short, because it stands in text messages: 36 bytes are 48
//! characters, and no other 48 characters mean the same. Half of the tag is kept (RFC 2104, section 5).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use uuid::Uuid;

use crate::{Code, Error, Result, Time, auth::ServerSecret, id::InvitationId};

/// Identifier and end of time, in seconds.
const CLAIMS: usize = 20;
/// What is kept of the tag.
const TAG: usize = 16;

/// Makes and opens links.
#[derive(Clone, Debug)]
pub struct Links {
    secret: ServerSecret,
    base: String,
}

impl Links {
    /// Links signed with this secret; `public_url` is where the service is reached from outside. Without it links are
    /// paths.
    pub fn new(secret: ServerSecret, public_url: Option<&str>) -> Self {
        Self { secret, base: public_url.unwrap_or_default().trim_end_matches('/').to_owned() }
    }

    /// The link to a question.
    ///
    /// # Errors
    /// `internal` for a time beyond the year 2105.
    pub fn to(&self, invitation: InvitationId, expires_at: Time) -> Result<String> {
        Ok(format!("{}/v1/s/{}", self.base, self.token(invitation, expires_at)?))
    }

    fn token(&self, invitation: InvitationId, expires_at: Time) -> Result<String> {
        let seconds = u32::try_from(expires_at.timestamp()).map_err(Error::internal)?;
        let claims = [invitation.0.as_bytes().as_slice(), &seconds.to_be_bytes()].concat();
        let tag = self.secret.mac(&claims);
        Ok(URL_SAFE_NO_PAD.encode([claims.as_slice(), &tag[..TAG]].concat()))
    }

    /// The invitation that a token names.
    ///
    /// # Errors
    /// `not_found` for everything that was not made here; `survey_expired` when its time is over.
    pub fn open(&self, token: &str, now: Time) -> Result<InvitationId> {
        let forged = || Error::not_found("survey");
        if token.len() > 64 {
            return Err(forged());
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| forged())?;
        let (claims, tag) = bytes.split_at_checked(CLAIMS).ok_or_else(forged)?;
        let expected = self.secret.mac(claims);
        verify_slices_are_equal(&expected[..TAG], tag).map_err(|_| forged())?;
        let (id, seconds) = claims.split_at_checked(16).ok_or_else(forged)?;
        let id = Uuid::from_slice(id).map_err(|_| forged())?;
        let seconds = seconds.try_into().map(u32::from_be_bytes).map_err(|_| forged())?;
        let expires_at = DateTime::from_timestamp(seconds.into(), 0).ok_or_else(forged)?;
        if now >= expires_at {
            return Err(expired(expires_at));
        }
        Ok(InvitationId(id))
    }
}

/// The refusal of an answer that comes too late.
pub(super) fn expired(at: Time) -> Error {
    Error::new(Code::SurveyExpired, Code::SurveyExpired.title()).with("expired_at", at)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;
    use crate::{auth::Purpose, testing::noon};

    fn links() -> Links {
        Links::new(ServerSecret::for_tests(Purpose::Survey), Some("https://dom.example/"))
    }

    #[test]
    fn a_link_fits_into_a_text_message() {
        let link = links().to(InvitationId(Uuid::nil()), noon()).unwrap();
        assert!(link.starts_with("https://dom.example/v1/s/"), "{link}");
        assert_eq!(link.rsplit('/').next().unwrap().len(), 48);
    }

    #[test]
    fn a_token_made_for_another_purpose_is_refused() {
        let other = Links::new(ServerSecret::for_tests(Purpose::Content), None);
        let token = other.token(InvitationId(Uuid::nil()), noon() + TimeDelta::days(1)).unwrap();
        assert_eq!(links().open(&token, noon()).unwrap_err().code(), Code::NotFound);
    }

    proptest! {
        #[test]
        fn a_token_opens_what_it_was_made_for_until_its_time_is_over(id in any::<u128>(), seconds in 1_i64..5_000_000) {
            let (id, expires_at) = (InvitationId(Uuid::from_u128(id)), noon() + TimeDelta::seconds(seconds));
            let token = links().token(id, expires_at).unwrap();
            prop_assert_eq!(links().open(&token, noon()).unwrap(), id);
            let refused = links().open(&token, expires_at).unwrap_err();
            prop_assert_eq!(refused.code(), Code::SurveyExpired);
        }

        #[test]
        fn another_character_anywhere_is_a_forgery(
            id in any::<u128>(), at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_=-]",
        ) {
            let token = links().token(InvitationId(Uuid::from_u128(id)), noon() + TimeDelta::days(7)).unwrap();
            let at = at.index(token.len());
            prop_assume!(token[at..=at] != with);
            let mut forged = token;
            forged.replace_range(at..=at, &with);
            prop_assert_eq!(links().open(&forged, noon()).unwrap_err().code(), Code::NotFound);
        }

        #[test]
        fn a_cut_or_prolonged_token_and_garbage_are_refused(
            id in any::<u128>(), at in 0_usize..48, more in "[A-Za-z0-9]{1,60}", garbage in ".{0,80}|[A-Za-z0-9_-]{48}",
        ) {
            let token = links().token(InvitationId(Uuid::from_u128(id)), noon() + TimeDelta::days(7)).unwrap();
            for text in [token[..at].to_owned(), format!("{token}{more}"), garbage] {
                prop_assert_eq!(links().open(&text, noon()).unwrap_err().code(), Code::NotFound);
            }
        }
    }
}
