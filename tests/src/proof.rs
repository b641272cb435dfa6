//! Proof of promises: a test that passes leaves a record of each promise it executed.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::database::Engine;

/// One execution of `proves!` in a test that passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Number of the promise in `docs/requirements.md`, as `R24`.
    pub promise: String,
    /// The test proves only a part of the promise.
    pub part: bool,
    /// Path of the test.
    pub test: String,
    /// The database the story ran on; a story counts only when it passed on both.
    pub engine: Option<Engine>,
}

/// Says which promise of `docs/requirements.md` the test proves: `proves!(R24)`, or `proves!(R36, part)` when a later
/// change completes it. The record is written when the test ends, and only if it passed.
#[macro_export]
macro_rules! proves {
    ($promise:ident) => {
        $crate::proves!(@guard $promise, false)
    };
    ($promise:ident, part) => {
        $crate::proves!(@guard $promise, true)
    };
    (@guard $promise:ident, $part:literal) => {
        let _proof = {
            fn here() {}
            $crate::proof::Proof::new(stringify!($promise), $part, std::any::type_name_of_val(&here))
        };
    };
}

/// Lives to the end of the test's body; see [`proves!`](crate::proves).
#[derive(Debug)]
pub struct Proof {
    record: Record,
}

thread_local! {
    /// Inside a story: what its body proved, kept back until the house has been checked too.
    static HELD: RefCell<Option<Vec<Record>>> = const { RefCell::new(None) };
}

impl Proof {
    /// A guard for `promise`; `place` is the path of a function inside the test.
    pub fn new(promise: &str, part: bool, place: &str) -> Self {
        let test = place.trim_end_matches("::here").trim_end_matches("::{{closure}}").to_owned();
        Self { record: Record { promise: promise.to_owned(), part, test, engine: None } }
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let record = self.record.clone();
        let direct = HELD.with_borrow_mut(|held| match held {
            Some(held) => {
                held.push(record.clone());
                false
            }
            None => true,
        });
        if direct {
            write(&directory(), &record);
        }
    }
}

/// From here on this thread keeps its proofs back.
pub(crate) fn hold() {
    HELD.set(Some(Vec::new()));
}

/// Writes what was kept back: the story passed on `engine`.
pub(crate) fn release(engine: Engine) {
    for record in HELD.take().unwrap_or_default() {
        write(&directory(), &Record { engine: Some(engine), ..record });
    }
}

/// Where the records lie: `NARYAD_PROMISES_DIR`, or `promises` in the target directory.
pub fn directory() -> PathBuf {
    if let Some(path) = std::env::var_os("NARYAD_PROMISES_DIR") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    // target/debug/deps/stories-0123456789abcdef
    let target = test.ancestors().nth(3).expect("a test lies in the target directory");
    target.join("promises")
}

// One file a record: tests that run as processes of their own never clash.
fn write(directory: &Path, record: &Record) {
    let name = format!("{}-{}.json", record.promise, Uuid::now_v7());
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(directory.join(name), serde_json::to_vec(record).unwrap_or_default()));
    if let Err(error) = written {
        panic!("{}: {error}", directory.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of promises that begin so, whoever wrote them.
    fn records(promise: &str) -> Vec<Record> {
        let files = std::fs::read_dir(directory()).into_iter().flatten().flatten();
        let mine = files.filter(|file| file.file_name().to_string_lossy().starts_with(promise));
        let texts: Vec<_> = mine.map(|file| (file.path(), std::fs::read(file.path()).unwrap())).collect();
        let records = texts.iter().map(|(_, text)| serde_json::from_slice(text).unwrap()).collect();
        // They are of this test alone, and no promise of the product.
        texts.iter().for_each(|(path, _)| std::fs::remove_file(path).unwrap());
        records
    }

    #[test]
    fn a_passing_test_leaves_a_record() {
        fn body() {
            proves!(X1);
            proves!(X1, part);
        }
        body();
        let mut found = records("X1-");
        found.sort_by_key(|record| record.part);
        let test = "naryad_tests::proof::tests::a_passing_test_leaves_a_record::body".to_owned();
        let whole = Record { promise: "X1".to_owned(), part: false, test, engine: None };
        assert_eq!(found, [whole.clone(), Record { part: true, ..whole }]);
    }

    #[test]
    fn a_failing_test_leaves_none() {
        let failure = std::panic::catch_unwind(|| {
            proves!(X2);
            assert!(records("X2-").len() == 7, "a test that fails");
        });
        assert!(failure.is_err());
        assert_eq!(records("X2-"), []);
    }

    #[tokio::test]
    async fn async_tests_prove_too() {
        async fn body() {
            proves!(X3);
            tokio::task::yield_now().await;
        }
        body().await;
        assert_eq!(records("X3-").len(), 1);
    }

    #[test]
    fn a_story_proves_only_after_the_house_was_checked() {
        hold();
        {
            proves!(X4);
        }
        assert_eq!(records("X4-"), []);
        {
            proves!(X4);
        }
        release(Engine::Postgres);
        let found = records("X4-");
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|record| record.engine == Some(Engine::Postgres)));
    }
}
