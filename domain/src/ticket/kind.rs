//! The kind of work of a ticket: the version of the request type it was born with.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ColumnTrait as _, EntityTrait, QueryFilter as _};

use super::row;
use crate::{
    Error, Result, Scope,
    catalogue::{Category, Rules, request_type, store, version},
    db::Reader,
    id::RequestTypeId,
};

/// A version of a request type, read.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) version: i64,
    pub(crate) code: String,
    pub(crate) name_ru: String,
    pub(crate) name_en: String,
    pub(crate) emergency: bool,
    /// The branch; unknown of a version that names none of ours.
    pub(crate) category: Option<Category>,
    pub(crate) rules: Rules,
}

impl Kind {
    /// The current version of an active type of the scope's organization.
    pub(crate) async fn current(reader: &Reader<'_>, scope: &Scope, id: RequestTypeId) -> Result<Self> {
        let (kind, version) = store::current(reader, scope, id).await?;
        if !kind.active {
            return Err(Error::field("request_type_id", "is no longer in use"));
        }
        Self::read(kind, version)
    }

    /// The version a ticket was born with.
    pub(crate) async fn of(reader: &Reader<'_>, ticket: &row::Model) -> Result<Self> {
        let missing = |column: &str| Error::internal(format!("ticket {}, column {column}", ticket.id));
        let id = ticket.request_type_id;
        let kind = request_type::Entity::find_by_id(id).one(reader).await?;
        let version = store::find_version(reader, id, ticket.request_type_version).await?;
        Self::read(
            kind.ok_or_else(|| missing("request_type_id"))?,
            version.ok_or_else(|| missing("request_type_version"))?,
        )
    }

    /// The versions these tickets were born with, in two statements.
    pub(crate) async fn of_each(
        reader: &Reader<'_>,
        tickets: &[row::Model],
    ) -> Result<BTreeMap<(RequestTypeId, i64), Self>> {
        let wanted: BTreeSet<(RequestTypeId, i64)> =
            tickets.iter().map(|ticket| (ticket.request_type_id, ticket.request_type_version)).collect();
        let ids: BTreeSet<RequestTypeId> = wanted.iter().map(|(id, _)| *id).collect();
        let numbers: BTreeSet<i64> = wanted.iter().map(|(_, number)| *number).collect();
        let kinds = request_type::Entity::find().filter(request_type::Column::Id.is_in(ids.iter().copied()));
        let kinds: BTreeMap<RequestTypeId, request_type::Model> =
            kinds.all(reader).await?.into_iter().map(|kind| (kind.id, kind)).collect();
        let versions = version::Entity::find()
            .filter(version::Column::RequestTypeId.is_in(ids))
            .filter(version::Column::Number.is_in(numbers))
            .all(reader)
            .await?;
        let mut read = BTreeMap::new();
        for version in versions {
            let key = (version.request_type_id, version.number);
            if let Some(kind) = kinds.get(&key.0).filter(|_| wanted.contains(&key)) {
                read.insert(key, Self::read(kind.clone(), version)?);
            }
        }
        Ok(read)
    }

    fn read(kind: request_type::Model, version: version::Model) -> Result<Self> {
        Ok(Self {
            rules: version.rules()?,
            category: version.category().ok(),
            version: version.number,
            code: kind.code,
            name_ru: version.name_ru,
            name_en: version.name_en,
            emergency: version.emergency,
        })
    }
}
