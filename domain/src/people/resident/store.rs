//! Residents: kept by the dispatcher's desk, seen by themselves.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveEnum, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Column, Entity, Model,
    belongings::{self, AccountArgs, AccountDocument},
    login::find_or_create,
};
use crate::{
    Code, Error, Result, Scope,
    auth::Role,
    db::{Reader, Where},
    id::{LoginId, PremisesId, ResidentId},
    page::{Page, PageRequest, Patch, expect_version},
    people::{email::Email, locale::Locale},
    text::{Line, PhoneNumber, Question, search_column},
    write::{Act, Tx},
};

/// A resident of the organization.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ResidentDocument {
    /// His identifier.
    pub id: ResidentId,
    /// His name.
    pub full_name: String,
    /// His phones; with the first he signs in.
    pub phones: Vec<String>,
    /// His e-mail address.
    pub email: Option<String>,
    /// The language he is written to in.
    pub locale: Locale,
    /// Whether he is disabled: some kinds of work have a precondition for disabled applicants only (R81).
    pub disabled: bool,
    /// His account numbers.
    pub accounts: Vec<AccountDocument>,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when he is here.
    pub created_at: DateTime<Utc>,
}

/// Who keeps residents.
const KEEPERS: &[Role] = &[Role::Dispatcher, Role::Admin];
/// Who sees all residents of the organization.
const READERS: &[Role] = &[Role::Dispatcher, Role::Manager, Role::Admin];

/// Who the new resident is.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateResident {
    /// Made by the client (UUIDv7), or else by the server.
    pub id: Option<ResidentId>,
    /// His name.
    pub full_name: Line<200>,
    /// His phones, 1 to 5; with the first he signs in.
    #[schema(min_items = 1, max_items = 5)]
    pub phones: Vec<PhoneNumber>,
    /// His e-mail address.
    pub email: Option<Email>,
    /// The language he is written to in.
    #[serde(default)]
    pub locale: Locale,
    /// Whether he is disabled.
    #[serde(default)]
    pub disabled: bool,
    /// His account numbers, at most 50.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub accounts: Vec<AccountArgs>,
}

/// Adds a resident.
#[derive(Clone, Debug)]
pub struct Create {
    /// Who he is.
    pub args: CreateResident,
}

impl Act for Create {
    const NAME: &'static str = "resident.create";
    type Out = ResidentDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ResidentDocument> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        let args = self.args.clone();
        let id = match args.id {
            Some(id) => ResidentId::from_client(id.0, "id")?,
            None => ResidentId::new(tx.clock()),
        };
        let first = belongings::check_phones(&args.phones)?;
        let row = Model {
            id,
            organization_id: scope.organization(),
            login_id: Some(membership(tx, id, first).await?),
            search: search(&args.full_name, &args.phones),
            full_name: args.full_name.into_string(),
            email: args.email.map(String::from),
            locale: args.locale.to_value(),
            disabled: args.disabled,
            doc_version: 1,
            version: 1,
            created_at: tx.now(),
        };
        tx.insert(&row).await?;
        belongings::set_phones(tx, id, &args.phones).await?;
        belongings::set_accounts(tx, id, &args.accounts).await?;
        document(&tx.reader(), row).await
    }
}

/// The login of a number, if nobody else of the organization signs in with it.
async fn membership(tx: &Tx, id: ResidentId, phone: &PhoneNumber) -> Result<LoginId> {
    let login = find_or_create(tx, phone).await?;
    let other = Entity::find()
        .filter(Column::OrganizationId.eq(tx.scope().organization()))
        .filter(Column::LoginId.eq(login))
        .filter(Column::Id.ne(id))
        .one(&tx.reader())
        .await?;
    match other {
        None => Ok(login),
        Some(other) => Err(Error::new(Code::AlreadyExists, "another resident signs in with this number")
            .with("field", "phones[0]")
            .with("id", other.id)),
    }
}

fn search(full_name: &str, phones: &[PhoneNumber]) -> String {
    let mut parts = vec![full_name];
    parts.extend(phones.iter().map(PhoneNumber::as_str));
    search_column(&parts)
}

/// What may change of a resident.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchResident {
    /// His name.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub full_name: Patch<Line<200>>,
    /// His phones, as a whole, 1 to 5; with the first he signs in.
    #[serde(default)]
    #[schema(value_type = Option<Vec<PhoneNumber>>)]
    pub phones: Patch<Vec<PhoneNumber>>,
    /// His e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<Email>)]
    pub email: Patch<Email>,
    /// The language he is written to in.
    #[serde(default)]
    #[schema(value_type = Option<Locale>)]
    pub locale: Patch<Locale>,
    /// Whether he is disabled.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub disabled: Patch<bool>,
    /// His account numbers, as a whole.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AccountArgs>>)]
    pub accounts: Patch<Vec<AccountArgs>>,
}

/// Changes a resident.
#[derive(Clone, Debug)]
pub struct Change {
    /// Who.
    pub id: ResidentId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchResident,
}

impl Act for Change {
    const NAME: &'static str = "resident.change";
    type Out = ResidentDocument;

    async fn run(&self, tx: &mut Tx) -> Result<ResidentDocument> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        tx.lock_subject("resident", self.id.0).await?;
        let before = find(&tx.reader(), &scope, self.id).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(name) = args.full_name.required("full_name")? {
            after.full_name = name.into_string();
        }
        args.email.map(String::from).apply(&mut after.email);
        if let Some(locale) = args.locale.required("locale")? {
            after.locale = locale.to_value();
        }
        if let Some(disabled) = args.disabled.required("disabled")? {
            after.disabled = disabled;
        }
        let mut changed = false;
        if let Some(phones) = args.phones.required("phones")? {
            let first = belongings::check_phones(&phones)?;
            after.login_id = Some(membership(tx, self.id, first).await?);
            changed |= belongings::set_phones(tx, self.id, &phones).await?;
        }
        if let Some(accounts) = args.accounts.required("accounts")? {
            changed |= belongings::set_accounts(tx, self.id, &accounts).await?;
        }
        let phones = phones(&tx.reader(), &[self.id]).await?;
        let phones: Vec<PhoneNumber> = phones.into_iter().map(|(_, phone)| phone).collect();
        after.search = search(&after.full_name, &phones);
        if changed || after != before {
            after.version += 1;
            tx.update(&before, &after).await?;
        }
        document(&tx.reader(), after).await
    }
}

/// A resident of the organization, as a row; for acts, which ask for roles themselves.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: ResidentId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("resident"))
}

/// The phones of residents that were found under a scope, each resident's in their order.
///
/// # Errors
/// The database cannot be read.
pub async fn phones(reader: &Reader<'_>, residents: &[ResidentId]) -> Result<Vec<(ResidentId, PhoneNumber)>> {
    belongings::phones_of(reader, residents).await
}

async fn document(reader: &Reader<'_>, row: Model) -> Result<ResidentDocument> {
    documents(reader, vec![row]).await?.pop().ok_or_else(|| Error::not_found("resident"))
}

async fn documents(reader: &Reader<'_>, rows: Vec<Model>) -> Result<Vec<ResidentDocument>> {
    let ids: Vec<ResidentId> = rows.iter().map(|row| row.id).collect();
    let phones = phones(reader, &ids).await?;
    let accounts = belongings::accounts_of(reader, &ids).await?;
    let document = |row: Model| {
        let own = |id: ResidentId| id == row.id;
        Ok(ResidentDocument {
            phones: phones.iter().filter(|(id, _)| own(*id)).map(|(_, phone)| phone.to_string()).collect(),
            accounts: accounts
                .iter()
                .filter(|(id, _)| own(*id))
                .map(|(_, account)| account.clone())
                .collect(),
            locale: Locale::try_from_value(&row.locale)
                .map_err(|fault| Error::internal(format!("resident {}, column locale: {fault}", row.id)))?,
            id: row.id,
            full_name: row.full_name,
            email: row.email,
            disabled: row.disabled,
            version: row.version,
            created_at: row.created_at,
        })
    };
    rows.into_iter().map(document).collect()
}

/// A resident, for the dispatcher's desk and for himself.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: ResidentId) -> Result<ResidentDocument> {
    if scope.require(READERS).is_err() && scope.resident_id() != Some(id) {
        return Err(Error::not_found("resident"));
    }
    document(reader, find(reader, scope, id).await?).await
}

/// Which residents are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ResidentFilter {
    /// Only those with this phone, in whatever spelling.
    #[param(value_type = Option<String>)]
    pub phone: Option<PhoneNumber>,
    /// Only those whose name and phones have all these words, in whatever spelling: a word of three characters or more
    /// anywhere in a word, one of two at its beginning, a single character as a word of its own.
    #[param(value_type = Option<String>, max_length = 200)]
    pub q: Option<Question>,
    /// Only those with an account for these premises.
    pub premises_id: Option<PremisesId>,
}

/// Residents of the organization, in the order in which they were added.
///
/// # Errors
/// `forbidden` for all but the dispatcher's desk; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &ResidentFilter,
    page: &PageRequest,
) -> Result<Page<ResidentDocument>> {
    scope.require(READERS)?;
    let organization = Value::from(scope.organization().0);
    let mut wanted = Where::new("r.organization_id = ?", [organization.clone()]);
    let question = filter.q.as_ref().filter(|q| !q.is_silent());
    let indexed = matches!(reader.get_database_backend(), DbBackend::Sqlite);
    // What narrows most comes first, and the cross join keeps SQLite from beginning elsewhere.
    let mut from = "resident r";
    if let Some(phone) = &filter.phone {
        from = "resident_phone p CROSS JOIN resident r";
        wanted.and(
            "r.id = p.resident_id AND p.organization_id = ? AND p.phone = ?",
            [organization.clone(), phone.as_str().into()],
        );
    }
    match question {
        Some(question) if indexed && filter.phone.is_none() => {
            from = "resident_search s CROSS JOIN resident_doc d CROSS JOIN resident r";
            wanted.and(
                "r.id = d.resident_id AND d.docid = s.rowid AND s.resident_search MATCH
                     (SELECT 'tenant:\"' || word || '\" AND ' FROM search_tenant WHERE organization_id = ?) || ?",
                [organization.clone(), question.matching().into()],
            );
        }
        Some(question) => question.patterns().for_each(|pattern| {
            wanted.and("(' ' || r.search || ' ') LIKE ?", [pattern.into()]);
        }),
        None => {}
    }
    if let Some(premises) = filter.premises_id {
        wanted.and(
            "r.id IN (SELECT a.resident_id FROM account a WHERE a.premises_id = ?)",
            [premises.0.into()],
        );
    }
    if let Some(after) = page.after::<ResidentId>()? {
        wanted.and("r.id > ?", [after.0.into()]);
    }
    // The barrier keeps the planner from walking all residents in their order in the hope of a match.
    let barrier = if question.is_some() { "MATERIALIZED" } else { "NOT MATERIALIZED" };
    let sql = format!(
        "WITH found AS {barrier} (SELECT r.* FROM {from} WHERE {wanted})
         SELECT * FROM found ORDER BY id LIMIT {}",
        page.limit() + 1
    );
    let page = page.cut(reader.all::<Model>(&sql, wanted.values).await?, |row| row.id)?;
    Ok(Page { items: documents(reader, page.items).await?, next: page.next })
}
