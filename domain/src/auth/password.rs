//! Passwords of staff: Argon2id, and what a password must be.
//!
//! Cost: 19 MiB, 2 passes, 1 lane, the minimum of the OWASP Password Storage Cheat Sheet. The work runs on a
//! blocking thread, at most two at once: a burst of sign-ins waits in line and takes 38 MiB, not all the memory.

use std::hint::black_box;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

use crate::{Error, Result};

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

static GATE: Semaphore = Semaphore::const_new(2);

/// What a password must be: the rule is length, not kinds of characters (NIST SP 800-63B, section 5.1.1).
#[derive(Clone, Copy, Debug)]
pub struct PasswordPolicy;

impl PasswordPolicy {
    /// Fewest characters.
    pub const SHORTEST: usize = 10;
    /// Most characters; it bounds the work an unknown caller can ask for.
    pub const LONGEST: usize = 128;

    /// Refuses a password that is too short, too long or the login itself, whatever the case of its letters.
    ///
    /// # Errors
    /// `invalid_field` naming `password`; the message does not repeat the password.
    pub fn check(password: &str, login: &str) -> Result<()> {
        let length = password.nfc().count();
        if !(Self::SHORTEST..=Self::LONGEST).contains(&length) {
            let message = format!("a password has {} to {} characters", Self::SHORTEST, Self::LONGEST);
            return Err(Error::field("password", message));
        }
        let fold = |text: &str| normal(text).trim().to_lowercase();
        if fold(password) == fold(login) {
            return Err(Error::field("password", "the password must not be the login"));
        }
        Ok(())
    }
}

/// Hashes a password with a fresh salt into a PHC string. Takes tens of milliseconds and 19 MiB:
/// where requests are served, call [`hash_blocking`].
///
/// # Errors
/// `internal` when there is no memory or no randomness.
pub fn hash(password: &str) -> Result<String> {
    hash_with(Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?, password)
}

fn hash_with(params: Params, password: &str) -> Result<String> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = argon2.hash_password(normal(password).as_bytes()).map_err(failed)?;
    Ok(hash.to_string())
}

/// Whether the password is the one that was hashed, at the cost written in the hash. Where requests are served, call
/// [`verify_blocking`].
///
/// # Errors
/// `internal` when `stored` is not a PHC string of Argon2: that is damage in the database, not a wrong password.
pub fn verify(password: &str, stored: &str) -> Result<bool> {
    let unreadable =
        |cause: &str| Error::internal(format!("the stored password hash cannot be read: {cause}"));
    let stored = PasswordHash::new(stored).map_err(|cause| unreadable(&cause.to_string()))?;
    if stored.salt.is_none() || stored.hash.is_none() {
        return Err(unreadable("it was cut"));
    }
    match Argon2::default().verify_password(normal(password).as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(cause) => Err(failed(cause)),
    }
}

/// Whether a stored hash was made at a lower cost than today's: hash the password anew after it was found right.
pub fn needs_rehash(stored: &str) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return true };
    let Ok(params) = Params::try_from(&hash) else { return true };
    hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || hash.version != Some(u32::from(Version::V0x13))
        || params.m_cost() < MEMORY_KIB
        || params.t_cost() < PASSES
        || params.p_cost() < LANES
}

/// [`hash`] on a blocking thread, at most two at once.
///
/// # Errors
/// See [`hash`].
pub async fn hash_blocking(password: String) -> Result<String> {
    bounded(&GATE, move || hash(&password)).await?
}

/// [`verify`] on a blocking thread, at most two at once.
///
/// # Errors
/// See [`verify`].
pub async fn verify_blocking(password: String, stored: String) -> Result<bool> {
    bounded(&GATE, move || verify(&password, &stored)).await?
}

/// Spends what [`verify_blocking`] spends, for a login that does not exist: the time of the answer does not tell
/// which logins there are.
///
/// # Errors
/// See [`hash`].
pub async fn verify_absent(password: String) -> Result<()> {
    bounded(&GATE, move || black_box(hash(&password)).map(drop)).await?
}

/// Runs `work` on a blocking thread when the gate has room. The place is held by the work and not by the caller:
/// a client that hangs up does not let in another while his hash is still being computed.
async fn bounded<T: Send + 'static>(
    gate: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let place = gate.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    })
    .await
    .map_err(Error::internal)
}

/// One keyboard sends «й» as one character, another as two: both are the same password.
fn normal(password: &str) -> String {
    password.nfc().collect()
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::internal(format!("Argon2: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    };

    use proptest::prelude::*;

    use super::*;

    fn cheap(password: &str) -> String {
        hash_with(Params::new(8, 1, 1, None).unwrap(), password).unwrap()
    }

    #[test]
    fn the_hash_is_argon2id_at_the_documented_cost() {
        let stored = hash("correct horse battery").unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify("correct horse battery", &stored).unwrap());
        assert!(!verify("correct horse batterY", &stored).unwrap());
        assert!(!needs_rehash(&stored));
    }

    #[test]
    fn two_hashes_of_one_password_differ() {
        assert_ne!(cheap("correct horse battery"), cheap("correct horse battery"));
    }

    #[test]
    fn a_hash_of_another_program_is_verified() {
        // A test vector of the reference implementation (phc-winner-argon2, src/test.c).
        let reference =
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify("password", reference).unwrap());
        assert!(!verify("passwort", reference).unwrap());
    }

    #[test]
    fn composed_and_decomposed_letters_are_one_password() {
        let stored = cheap("мой пароль й");
        assert!(verify("мои\u{306} пароль и\u{306}", &stored).unwrap());
        assert!(!verify("мои пароль и", &stored).unwrap());
    }

    #[test]
    fn a_damaged_row_is_not_a_wrong_password() {
        for damaged in ["", "plain", "$argon2id$v=19$m=19456", "$bcrypt$v=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMa"] {
            assert!(verify("correct horse battery", damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_cheaper_hash_is_to_be_made_anew() {
        let stored = |start: &str| {
            format!("{start}$c29tZXNhbHRzb21lc2FsdA$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
        };
        for (start, anew) in [
            ("$argon2id$v=19$m=19456,t=2,p=1", false),
            ("$argon2id$v=19$m=65536,t=3,p=4", false),
            ("$argon2id$v=19$m=19455,t=2,p=1", true),
            ("$argon2id$v=19$m=65536,t=1,p=1", true),
            ("$argon2i$v=19$m=19456,t=2,p=1", true),
            ("$argon2id$v=16$m=19456,t=2,p=1", true),
            ("garbage", true),
        ] {
            assert_eq!(needs_rehash(&stored(start)), anew, "{start}");
        }
    }

    #[test]
    fn the_policy_counts_characters_and_not_bytes() {
        for (length, good) in [(9, false), (10, true), (128, true), (129, false)] {
            let checked = PasswordPolicy::check(&"й".repeat(length), "anna");
            assert_eq!(checked.is_ok(), good, "{length}");
            if let Err(refusal) = checked {
                assert_eq!(refusal.fields()[0].field, "password");
            }
        }
    }

    #[test]
    fn the_login_is_no_password() {
        for password in ["anna.petrova", "ANNA.Petrova", " anna.petrova "] {
            let refusal = PasswordPolicy::check(password, "anna.petrova").unwrap_err();
            assert_eq!(refusal.fields()[0].field, "password");
            assert!(!refusal.to_string().contains("anna"), "the message repeats the password");
        }
        assert!(PasswordPolicy::check("anna.petrova1", "anna.petrova").is_ok());
    }

    #[tokio::test]
    async fn the_async_forms_agree_with_the_plain_ones() {
        let stored = hash_blocking("correct horse battery".to_owned()).await.unwrap();
        assert!(verify_blocking("correct horse battery".to_owned(), stored.clone()).await.unwrap());
        assert!(!verify_blocking("wrong horse battery".to_owned(), stored).await.unwrap());
        verify_absent("correct horse battery".to_owned()).await.unwrap();
    }

    #[tokio::test]
    async fn never_more_run_than_the_gate_has_places() {
        static TWO: Semaphore = Semaphore::const_new(2);
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (entered, mut entries) = tokio::sync::mpsc::unbounded_channel();
        let mut releases = Vec::new();
        let mut tasks = Vec::new();
        for number in 0..6 {
            let (release, wait) = mpsc::channel::<()>();
            releases.push(release);
            let (running, most, entered) = (Arc::clone(&running), Arc::clone(&most), entered.clone());
            tasks.push(tokio::spawn(bounded(&TWO, move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                entered.send(number).unwrap();
                wait.recv().unwrap();
                running.fetch_sub(1, Ordering::SeqCst);
            })));
        }
        let first = [entries.recv().await.unwrap(), entries.recv().await.unwrap()];
        // Whoever asked first is inside; hanging up does not free his place.
        tasks[first[0]].abort();
        tokio::task::yield_now().await;
        assert_eq!(TWO.available_permits(), 0);
        for number in first {
            releases[number].send(()).unwrap();
        }
        for _ in 2..6 {
            let number = entries.recv().await.unwrap();
            releases[number].send(()).unwrap();
        }
        let mut hung_up = 0;
        for task in tasks {
            match task.await {
                Ok(done) => done.unwrap(),
                Err(_) => hung_up += 1,
            }
        }
        assert_eq!(hung_up, 1);
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn verify_takes_the_same_password_only(one in ".{0,40}", other in ".{0,40}") {
            let stored = cheap(&one);
            prop_assert!(verify(&one, &stored).unwrap());
            prop_assert_eq!(verify(&other, &stored).unwrap(), normal(&one) == normal(&other));
        }

        #[test]
        fn a_stored_garbage_never_panics(stored in "(\\$argon2id)?[$=,a-z0-9]{0,60}") {
            // `m=` of a garbage can be gigabytes; reading it is the subject here, not running it.
            let _ = needs_rehash(&stored);
        }
    }
}
