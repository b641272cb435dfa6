//! Pages of lists: keyset, never offset, so that the hundredth page costs what the first does.

use std::any::type_name;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Error, Result};

/// How many items a page has when the client does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// How many items a page has at most.
pub const MAX_LIMIT: u32 = 200;

/// Which page is asked for. `after` is the key of the last item seen, as the page before gave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PageRequest {
    after: Option<serde_json::Value>,
    limit: Option<u32>,
}

impl PageRequest {
    /// A page after a key (already unsealed) with at most `limit` items.
    ///
    /// # Errors
    /// `invalid_field` for a limit outside 1..=200.
    pub fn new(after: Option<serde_json::Value>, limit: Option<u32>) -> Result<Self> {
        if limit.is_some_and(|limit| limit == 0 || limit > MAX_LIMIT) {
            return Err(Error::field("limit", format!("must be from 1 to {MAX_LIMIT}")));
        }
        Ok(Self { after, limit })
    }

    /// The key after which the page begins.
    ///
    /// # Errors
    /// `invalid_field` when the key is of another list.
    pub fn after<K: DeserializeOwned>(&self) -> Result<Option<K>> {
        let other = || Error::field("cursor", "is of another list");
        let Some(after) = self.after.clone() else { return Ok(None) };
        let after: After = serde_json::from_value(after).map_err(|_| other())?;
        if after.of != type_name::<K>() {
            return Err(other());
        }
        serde_json::from_value(after.key).map_err(|_| other()).map(Some)
    }

    /// How many items at most.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT) as usize
    }

    /// Cuts a list that was read with one item more than asked for, and says where the next page begins.
    ///
    /// # Errors
    /// The key cannot be written as JSON.
    pub fn cut<T, K: Serialize>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K) -> Result<Page<T>> {
        let more = items.len() > self.limit();
        items.truncate(self.limit());
        let next = match items.last() {
            Some(last) if more => {
                let key = serde_json::to_value(key(last)).map_err(Error::internal)?;
                let after = After { of: type_name::<K>().to_owned(), key };
                Some(serde_json::to_value(after).map_err(Error::internal)?)
            }
            _ => None,
        };
        Ok(Page { items, next })
    }
}

/// Where a page begins: each list has a type of key of its own, so the key of another is known by its type.
#[derive(Serialize, Deserialize)]
struct After {
    of: String,
    key: serde_json::Value,
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The key of the last one, if there are more.
    pub next: Option<serde_json::Value>,
}

/// A field of a PATCH: absent and null differ. Use with `#[serde(default)]`; in schemas it reads as a nullable field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not sent: nothing changes.
    #[default]
    Absent,
    /// Sent as null: the value is taken away.
    Null,
    /// Sent: the new value.
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Null, Self::Set))
    }
}

impl<T> Patch<T> {
    /// Applies the field to an optional value.
    pub fn apply(self, target: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *target = None,
            Self::Set(value) => *target = Some(value),
        }
    }

    /// The new value of a field that always has one.
    ///
    /// # Errors
    /// `invalid_field` naming `field` when null was sent.
    pub fn required(self, field: &str) -> Result<Option<T>> {
        match self {
            Self::Absent => Ok(None),
            Self::Null => Err(Error::field(field, "must not be null")),
            Self::Set(value) => Ok(Some(value)),
        }
    }

    /// The same field with its value turned into another.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Set(value) => Patch::Set(f(value)),
        }
    }
}

/// Compares the version a client has read with the one that stands.
///
/// # Errors
/// `version_stale` with the current version.
pub fn expect_version(current: i64, expected: i64) -> Result<()> {
    if current == expected {
        return Ok(());
    }
    Err(Error::new(crate::Code::VersionStale, crate::Code::VersionStale.title()).with("version", current))
}
