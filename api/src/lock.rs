//! One server per database file: two would each believe that it knows of every change.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use naryad_domain::{Error, Result};

/// Holds the lock as long as it lives; the system gives it back when the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock beside the database file.
    ///
    /// # Errors
    /// Another process holds it, or the file cannot be made.
    pub(crate) fn take(database: &Path) -> Result<Self> {
        let path = database.with_extension("lock");
        let unusable = |cause: std::io::Error| Error::internal(format!("{}: {cause}", path.display()));
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::internal(format!(
                "another `naryad serve` has {} open: a database file has one server, several need PostgreSQL",
                database.display()
            ))),
            Err(TryLockError::Error(cause)) => Err(unusable(cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_waits_for_no_one_and_the_third_comes_after_the_first_has_gone() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("naryad.db");
        let first = Lock::take(&database).unwrap();
        let refusal = Lock::take(&database).unwrap_err();
        let cause = std::error::Error::source(&refusal).unwrap().to_string();
        assert!(cause.contains("naryad.db") && cause.contains("PostgreSQL"), "{cause}");
        drop(first);
        Lock::take(&database).unwrap();
    }
}
