//! One-time codes: six digits, ten minutes, five tries.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::TimeDelta;
use uuid::Uuid;

use super::secret::{ServerSecret, random};
use crate::{Error, Result, Time};

/// How long a code lives.
pub const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// How often a code may be tried.
pub const CODE_TRIES: u8 = 5;

const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;

/// Six digits for one person's eyes. They never stand in `Debug`, an answer or a log.
#[derive(Clone)]
pub struct OneTimeCode([u8; DIGITS]);

impl OneTimeCode {
    /// A fresh code from the CSPRNG; every code is equally likely.
    ///
    /// # Errors
    /// `internal` when there is no randomness.
    pub fn generate() -> Result<Self> {
        loop {
            if let Some(code) = Self::from_draw(u32::from_be_bytes(random()?)) {
                return Ok(code);
            }
        }
    }

    /// A draw above the last whole million would make the low codes likelier: it is drawn again (one in 4,400).
    fn from_draw(draw: u32) -> Option<Self> {
        if draw >= u32::MAX - u32::MAX % CODES {
            return None;
        }
        let mut rest = draw % CODES;
        let mut digits = [0; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).ok()?;
            rest /= 10;
        }
        Some(Self(digits))
    }

    /// Reads what a person typed: exactly six digits.
    ///
    /// # Errors
    /// `invalid_field` naming `code`; the message does not repeat it.
    pub fn parse(text: &str) -> Result<Self> {
        match <[u8; DIGITS]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(Error::field("code", "a code has six digits")),
        }
    }

    /// The digits, for the message to the person and for nothing else.
    pub fn expose(&self) -> String {
        self.0.iter().copied().map(char::from).collect()
    }

    /// What is stored: HMAC-SHA256 of challenge, code and phone under the secret
    /// [`Purpose::Otp`](super::Purpose::Otp). A plain hash of six digits would be read back in a second; without the
    /// server's secret this one is not, and a hash moved to another challenge or phone fits nothing.
    pub fn hash(&self, secret: &ServerSecret, phone: &str, challenge: Uuid) -> CodeHash {
        // Two parts of a fixed width and the phone last: no two triples make the same message.
        let message = [challenge.as_bytes().as_slice(), &self.0, phone.as_bytes()].concat();
        CodeHash(secret.mac(&message))
    }
}

impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneTimeCode(..)")
    }
}

/// The stored form of a code. It cannot be compared but by [`check`], which takes the same time for every guess.
#[derive(Clone, Copy)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// The hash as it stands in the database.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes for the database.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeHash(..)")
    }
}

/// What is known of a code that was sent.
#[derive(Clone, Debug)]
pub struct StoredCode {
    /// Its hash.
    pub hash: CodeHash,
    /// From when on it is void.
    pub expires_at: Time,
    /// How many tries are left.
    pub tries_left: u8,
    /// Whether somebody signed in with it.
    pub consumed: bool,
}

/// What a try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOutcome {
    /// The right code: mark it consumed.
    Right,
    /// A wrong code: store the tries that are left.
    Wrong {
        /// Tries left after this one; 0 means that this was the last.
        tries_left: u8,
    },
    /// Its ten minutes are over.
    Expired,
    /// Its tries are used up; even the right code does not help.
    Exhausted,
    /// It was used before.
    Consumed,
}

/// Judges a try; `tried` is the hash of what the person typed, made with the same phone and challenge.
///
/// Five tries are five only if the caller writes the outcome with compare-and-set on `tries_left`: of tries that come
/// at once each must count.
pub fn check(stored: &StoredCode, tried: &CodeHash, now: Time) -> CodeOutcome {
    if stored.consumed {
        CodeOutcome::Consumed
    } else if now >= stored.expires_at {
        CodeOutcome::Expired
    } else if stored.tries_left == 0 {
        CodeOutcome::Exhausted
    } else if verify_slices_are_equal(&stored.hash.0, &tried.0).is_ok() {
        CodeOutcome::Right
    } else {
        CodeOutcome::Wrong { tries_left: stored.tries_left - 1 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::secret::Purpose;

    const PHONE: &str = "+79161234567";

    fn secret() -> ServerSecret {
        ServerSecret::derive(&[7; 32], Purpose::Otp).unwrap()
    }

    fn challenge() -> Uuid {
        Uuid::from_u128(1)
    }

    fn noon() -> Time {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn hash(digits: &str) -> CodeHash {
        OneTimeCode::parse(digits).unwrap().hash(&secret(), PHONE, challenge())
    }

    fn sent(digits: &str) -> StoredCode {
        StoredCode {
            hash: hash(digits),
            expires_at: noon() + CODE_LIFETIME,
            tries_left: CODE_TRIES,
            consumed: false,
        }
    }

    #[test]
    fn the_table_of_outcomes() {
        use CodeOutcome::{Consumed, Exhausted, Expired, Right, Wrong};
        let alive = noon() + CODE_LIFETIME - TimeDelta::microseconds(1);
        let dead = noon() + CODE_LIFETIME;
        for (digits, now, tries_left, consumed, expected) in [
            ("012345", alive, 5, false, Right),
            ("012345", alive, 1, false, Right),
            ("012346", alive, 5, false, Wrong { tries_left: 4 }),
            ("012346", alive, 1, false, Wrong { tries_left: 0 }),
            ("012345", alive, 0, false, Exhausted),
            ("012346", alive, 0, false, Exhausted),
            ("012345", dead, 5, false, Expired),
            ("012345", dead, 0, false, Expired),
            ("012345", alive, 5, true, Consumed),
            ("012345", dead, 0, true, Consumed),
        ] {
            let stored = StoredCode { tries_left, consumed, ..sent("012345") };
            assert_eq!(
                check(&stored, &hash(digits), now),
                expected,
                "{digits} {now} {tries_left} {consumed}"
            );
        }
    }

    #[test]
    fn after_five_wrong_tries_the_right_code_does_not_help() {
        let mut stored = sent("012345");
        for left in (0..CODE_TRIES).rev() {
            assert_eq!(check(&stored, &hash("999999"), noon()), CodeOutcome::Wrong { tries_left: left });
            stored.tries_left = left;
        }
        assert_eq!(check(&stored, &hash("012345"), noon()), CodeOutcome::Exhausted);
    }

    #[test]
    fn a_hash_fits_its_phone_its_challenge_and_its_server_only() {
        let code = OneTimeCode::parse("012345").unwrap();
        let elsewhere = ServerSecret::derive(&[8; 32], Purpose::Otp).unwrap();
        for other in [
            code.hash(&secret(), "+79161234568", challenge()),
            code.hash(&secret(), PHONE, Uuid::from_u128(2)),
            code.hash(&elsewhere, PHONE, challenge()),
        ] {
            assert_eq!(check(&sent("012345"), &other, noon()), CodeOutcome::Wrong { tries_left: 4 });
        }
    }

    #[test]
    fn draws_cover_the_codes_evenly() {
        // 4294 whole millions are kept; from there on a draw is repeated.
        let code = |draw| OneTimeCode::from_draw(draw).map(|code| code.expose());
        assert_eq!(code(0).unwrap(), "000000");
        assert_eq!(code(999_999).unwrap(), "999999");
        assert_eq!(code(1_000_042).unwrap(), "000042");
        assert_eq!(code(4_293_999_999).unwrap(), "999999");
        assert_eq!(code(4_294_000_000), None);
        assert_eq!(code(u32::MAX), None);
    }

    #[test]
    fn generated_codes_differ_and_can_be_typed() {
        let codes: std::collections::BTreeSet<_> =
            (0..50).map(|_| OneTimeCode::generate().unwrap().expose()).collect();
        assert!(codes.len() > 40, "{} of 50 differ", codes.len());
        for code in codes {
            assert_eq!(OneTimeCode::parse(&code).unwrap().expose(), code);
        }
    }

    #[test]
    fn debug_shows_neither_code_nor_hash() {
        let code = OneTimeCode::parse("012345").unwrap();
        assert_eq!(format!("{code:?} {:?}", hash("012345")), "OneTimeCode(..) CodeHash(..)");
        let shown = format!("{:?}", sent("012345"));
        assert!(shown.contains("CodeHash(..)") && !shown.contains("012345"), "{shown}");
    }

    #[test]
    fn what_is_not_six_digits_is_refused_unrepeated() {
        for wrong in ["", "12345", "1234567", "12345a", "-12345", " 12345", "١٢٣", "123 456"] {
            let refusal = OneTimeCode::parse(wrong).unwrap_err();
            assert_eq!(refusal.fields()[0].field, "code");
            assert!(wrong.is_empty() || !refusal.to_string().contains(wrong));
        }
    }

    proptest! {
        #[test]
        fn only_the_code_that_was_sent_is_right(sent_digits in "[0-9]{6}", typed in "[0-9]{6}") {
            let outcome = check(&sent(&sent_digits), &hash(&typed), noon());
            prop_assert_eq!(outcome == CodeOutcome::Right, sent_digits == typed);
        }

        #[test]
        fn every_kept_draw_is_its_last_six_digits(draw in any::<u32>()) {
            if let Some(code) = OneTimeCode::from_draw(draw) {
                prop_assert_eq!(code.expose(), format!("{:06}", draw % 1_000_000));
            } else {
                prop_assert!(draw >= 4_294_000_000);
            }
        }
    }
}
