//! The SHA-256 under which content is announced, verified and kept.

use std::{fmt, str::FromStr, sync::Arc};

use sea_orm::{
    ColIdx, DbErr, QueryResult, TryGetError, TryGetable, Value,
    sea_query::{ArrayType, ColumnType, Nullable, StringLen, ValueType, ValueTypeErr},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::Error;

/// A SHA-256 (FIPS 180-4). In JSON and text 64 hexadecimal digits, written lower case, read in either case;
/// in the database 32 bytes (BLOB, bytea).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(
    value_type = String,
    pattern = "^[0-9a-fA-F]{64}$",
    example = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)]
pub struct Sha256Hash(pub [u8; 32]);

impl Sha256Hash {
    /// The hash of bytes that are in memory.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256Hash({self})")
    }
}

impl FromStr for Sha256Hash {
    type Err = Error;

    /// # Errors
    /// `invalid_field` naming `sha256`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)
            .map_err(|_| Error::field("sha256", "a SHA-256 is written as 64 hexadecimal digits"))?;
        Ok(Self(hash))
    }
}

impl Serialize for Sha256Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("a SHA-256 is written as 64 hexadecimal digits"))
    }
}

/// A column held bytes of another length.
#[derive(Debug, thiserror::Error)]
#[error("a SHA-256 has 32 bytes, the column holds {0}")]
struct NotThirtyTwoBytes(usize);

fn from_column(bytes: &[u8]) -> Result<Sha256Hash, NotThirtyTwoBytes> {
    bytes.try_into().map(Sha256Hash).map_err(|_| NotThirtyTwoBytes(bytes.len()))
}

impl From<Sha256Hash> for Value {
    fn from(hash: Sha256Hash) -> Self {
        hash.0.to_vec().into()
    }
}

impl TryGetable for Sha256Hash {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        from_column(&Vec::<u8>::try_get_by(row, index)?).map_err(|error| {
            TryGetError::DbErr(DbErr::TryIntoErr {
                from: "Vec<u8>",
                into: "Sha256Hash",
                source: Arc::new(error),
            })
        })
    }
}

impl ValueType for Sha256Hash {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        from_column(&<Vec<u8> as ValueType>::try_from(value)?).map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        "Sha256Hash".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Bytes
    }

    fn column_type() -> ColumnType {
        ColumnType::VarBinary(StringLen::None)
    }
}

impl Nullable for Sha256Hash {
    fn null() -> Value {
        Value::Bytes(None)
    }
}

impl sea_orm::IntoActiveValue<Sha256Hash> for Sha256Hash {
    fn into_active_value(self) -> sea_orm::ActiveValue<Sha256Hash> {
        sea_orm::ActiveValue::Set(self)
    }
}

impl sea_orm::TryFromU64 for Sha256Hash {
    fn try_from_u64(_: u64) -> Result<Self, DbErr> {
        Err(DbErr::ConvertFromU64("Sha256Hash"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sea_orm::{ConnectionTrait as _, Database, DbBackend, Statement};

    use super::*;
    use crate::Code;

    const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_hash_of_nothing_is_the_published_one() {
        assert_eq!(Sha256Hash::of(b"").to_string(), OF_NOTHING);
    }

    #[test]
    fn upper_case_is_folded() {
        let json = format!("\"{}\"", OF_NOTHING.to_uppercase());
        let hash: Sha256Hash = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_value(hash).unwrap(), OF_NOTHING);
    }

    #[test]
    fn anything_but_64_digits_is_refused() {
        let long = format!("{OF_NOTHING}00");
        let foreign = OF_NOTHING.replace('e', "g");
        for text in ["", "e3", &OF_NOTHING[1..], &long, &foreign, &"é".repeat(32)] {
            let error = text.parse::<Sha256Hash>().unwrap_err();
            assert_eq!(
                (error.code(), error.fields()[0].field.as_str()),
                (Code::InvalidField, "sha256"),
                "{text}"
            );
            assert!(serde_json::from_value::<Sha256Hash>(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_schema_is_a_string_with_a_pattern() {
        let schema = serde_json::to_value(<Sha256Hash as utoipa::PartialSchema>::schema()).unwrap();
        assert_eq!((&schema["type"], &schema["pattern"]), (&"string".into(), &"^[0-9a-fA-F]{64}$".into()));
    }

    #[tokio::test]
    async fn a_column_keeps_it_as_32_bytes_and_other_lengths_are_reported() {
        let database = Database::connect("sqlite::memory:").await.unwrap();
        let hash = Sha256Hash::of(b"pipe");
        let select =
            |sql: &str, value: Value| Statement::from_sql_and_values(DbBackend::Sqlite, sql, [value]);
        let row = database
            .query_one_raw(select("SELECT ?1 AS hash, typeof(?1) AS kind, length(?1) AS bytes", hash.into()))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.try_get::<Sha256Hash>("", "hash").unwrap(), hash);
        assert_eq!(row.try_get::<String>("", "kind").unwrap(), "blob");
        assert_eq!(row.try_get::<i64>("", "bytes").unwrap(), 32);
        let short =
            database.query_one_raw(select("SELECT ?1 AS hash", vec![1_u8, 2].into())).await.unwrap().unwrap();
        assert!(
            short.try_get::<Sha256Hash>("", "hash").unwrap_err().to_string().contains("the column holds 2")
        );
        let null =
            database.query_one_raw(select("SELECT ?1 AS hash", Sha256Hash::null())).await.unwrap().unwrap();
        assert_eq!(null.try_get::<Option<Sha256Hash>>("", "hash").unwrap(), None);
    }

    proptest! {
        #[test]
        fn text_and_column_give_back_the_same(bytes: [u8; 32]) {
            let hash = Sha256Hash(bytes);
            prop_assert_eq!(hash.to_string().parse::<Sha256Hash>().unwrap(), hash);
            prop_assert_eq!(<Sha256Hash as ValueType>::try_from(hash.into()).unwrap(), hash);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let _ = text.parse::<Sha256Hash>();
        }
    }
}
