//! Members of staff: taken on, changed and let go by their administrators.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Column, Entity, Model,
    credentials::{Login, Password},
};
use crate::{
    Code, Error, Result, Scope,
    auth::{PasswordPolicy, Role, password, store::revoke_families},
    db::Reader,
    id::{OrganizationId, TechnicianId, UserId},
    page::{Page, PageRequest, Patch, expect_version},
    people::{
        email::Email,
        technician::store::{TechnicianArgs, enlist},
    },
    shift::Departure,
    text::{Line, PhoneNumber},
    write::{Act, Tx},
};

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct UserDocument {
    /// His identifier; a technician has the same one.
    pub id: UserId,
    /// His role.
    pub role: Role,
    /// What he signs in with, in lower case.
    pub login: String,
    /// His name.
    pub full_name: String,
    /// His phone.
    pub phone: Option<String>,
    /// His e-mail address.
    pub email: Option<String>,
    /// Whether he may sign in.
    pub active: bool,
    /// Rises with every change; the ETag.
    pub version: i64,
    /// Since when he is here.
    pub created_at: DateTime<Utc>,
}

impl From<Model> for UserDocument {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            role: row.role,
            login: row.login,
            full_name: row.full_name,
            phone: row.phone,
            email: row.email,
            active: row.active,
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// Who takes on, changes and lets go.
pub const KEEPERS: &[Role] = &[Role::Admin];

/// Who is taken on.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// Made by the client (UUIDv7), or else by the server.
    pub id: Option<UserId>,
    /// His role, any but `resident`; it cannot be changed later.
    pub role: Role,
    /// What he signs in with.
    pub login: Login,
    /// His first password.
    pub password: Password,
    /// His name.
    pub full_name: Line<200>,
    /// His phone.
    pub phone: Option<PhoneNumber>,
    /// His e-mail address.
    pub email: Option<Email>,
    /// What makes him a technician; for that role only. Left out, he serves all buildings and has no trade yet.
    pub technician: Option<TechnicianArgs>,
}

/// Takes on a member of staff.
#[derive(Clone, Debug)]
pub struct Create {
    id: UserId,
    args: CreateUser,
    password_hash: String,
}

impl Create {
    /// Checks and hashes the password, which is too slow for the inside of a write.
    ///
    /// # Errors
    /// `invalid_field` for a role that is no member of staff, or a password against the policy.
    pub async fn prepare(id: UserId, args: CreateUser) -> Result<Self> {
        if args.role == Role::Resident {
            return Err(Error::field("role", "a resident is no member of staff"));
        }
        if args.role != Role::Technician && args.technician.is_some() {
            return Err(Error::field("technician", "is for the role technician only"));
        }
        PasswordPolicy::check(args.password.expose(), args.login.as_str())?;
        let password_hash = password::hash_blocking(args.password.expose().to_owned()).await?;
        Ok(Self { id, args, password_hash })
    }
}

impl Act for Create {
    const NAME: &'static str = "user.create";
    type Out = UserDocument;

    async fn run(&self, tx: &mut Tx) -> Result<UserDocument> {
        tx.scope().require(KEEPERS)?;
        let args = self.args.clone();
        // The unique index is the guard; this names the field.
        let taken = Entity::find().filter(Column::Login.eq(args.login.as_str())).one(&tx.reader()).await?;
        if taken.is_some() {
            return Err(Error::new(Code::AlreadyExists, "this login is taken").with("field", "login"));
        }
        let row = Model {
            id: self.id,
            organization_id: tx.scope().organization(),
            role: args.role,
            login: args.login.as_str().to_owned(),
            password_hash: self.password_hash.clone(),
            full_name: args.full_name.into_string(),
            phone: args.phone.map(|phone| phone.to_string()),
            email: args.email.map(String::from),
            active: true,
            version: 1,
            created_at: tx.now(),
        };
        tx.insert(&row).await?;
        if args.role == Role::Technician {
            enlist(tx, TechnicianId(self.id.0), args.technician.unwrap_or_default()).await?;
        }
        Ok(row.into())
    }
}

/// What may change of a member of staff; his role and login may not.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchUser {
    /// His name.
    #[serde(default)]
    #[schema(value_type = Option<Line<200>>)]
    pub full_name: Patch<Line<200>>,
    /// His phone.
    #[serde(default)]
    #[schema(value_type = Option<PhoneNumber>)]
    pub phone: Patch<PhoneNumber>,
    /// His e-mail address.
    #[serde(default)]
    #[schema(value_type = Option<Email>)]
    pub email: Patch<Email>,
    /// False ends all his sessions; a technician's phones forget what they hold, and his visits that have not begun are
    /// to be rebooked.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub active: Patch<bool>,
}

/// Changes a member of staff.
#[derive(Clone, Debug)]
pub struct Change {
    /// Who.
    pub id: UserId,
    /// The version the client has read.
    pub version: i64,
    /// What changes.
    pub args: PatchUser,
}

impl Act for Change {
    const NAME: &'static str = "user.change";
    type Out = UserDocument;

    async fn run(&self, tx: &mut Tx) -> Result<UserDocument> {
        tx.scope().require(KEEPERS)?;
        // Whoever books a technician holds his calendar: he is let go before the booking or after it.
        find(&tx.reader(), tx.scope(), self.id).await?;
        let technician = TechnicianId(self.id.0);
        let departure = match self.args.active {
            Patch::Set(false) => Some(Departure::take(tx, technician).await?),
            _ => {
                tx.lock_calendars([technician]).await?;
                None
            }
        };
        tx.lock_subject("app_user", self.id.0).await?;
        let before = find(&tx.reader(), tx.scope(), self.id).await?;
        expect_version(before.version, self.version)?;
        let args = self.args.clone();
        let mut after = before.clone();
        if let Some(name) = args.full_name.required("full_name")? {
            after.full_name = name.into_string();
        }
        args.phone.map(|phone| phone.to_string()).apply(&mut after.phone);
        args.email.map(String::from).apply(&mut after.email);
        if let Some(active) = args.active.required("active")? {
            if !active && tx.scope().actor_id() == self.id.0 {
                return Err(Error::field("active", "nobody lets himself go: ask another administrator"));
            }
            after.active = active;
        }
        if after == before {
            return Ok(after.into());
        }
        after.version += 1;
        tx.update(&before, &after).await?;
        if before.active && !after.active {
            revoke_families(tx, self.id, "deactivated").await?;
            if let Some(departure) = departure {
                departure.settle(tx, format!("departure:{}:{}", after.id, after.version)).await?;
            }
        }
        Ok(after.into())
    }
}

/// A member of staff of the organization, as a row; for acts, which ask for roles themselves.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn find(reader: &Reader<'_>, scope: &Scope, id: UserId) -> Result<Model> {
    Entity::find_by_id(id)
        .filter(Column::OrganizationId.eq(scope.organization()))
        .one(reader)
        .await?
        .ok_or_else(|| Error::not_found("member of staff"))
}

/// A member of staff, for his managers and for himself.
///
/// # Errors
/// `not_found` for anybody else.
pub async fn get(reader: &Reader<'_>, scope: &Scope, id: UserId) -> Result<UserDocument> {
    if scope.require(&[Role::Manager, Role::Admin]).is_err() && scope.actor_id() != id.0 {
        return Err(Error::not_found("member of staff"));
    }
    Ok(find(reader, scope, id).await?.into())
}

/// Which members of staff are listed.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct UserFilter {
    /// Only those of this role.
    pub role: Option<Role>,
    /// Only those who may sign in (true) or who may not (false).
    pub active: Option<bool>,
}

/// Members of staff of the organization, in the order in which they were taken on.
///
/// # Errors
/// `forbidden` for all but managers and administrators; `invalid_field` for a cursor of another list.
pub async fn list(
    reader: &Reader<'_>,
    scope: &Scope,
    filter: &UserFilter,
    page: &PageRequest,
) -> Result<Page<UserDocument>> {
    scope.require(&[Role::Manager, Role::Admin])?;
    let mut query = Entity::find()
        .filter(Column::OrganizationId.eq(scope.organization()))
        .order_by_asc(Column::Id)
        .limit(page.limit() as u64 + 1);
    if let Some(role) = filter.role {
        query = query.filter(Column::Role.eq(role));
    }
    if let Some(active) = filter.active {
        query = query.filter(Column::Active.eq(active));
    }
    if let Some(id) = page.after::<UserId>()? {
        query = query.filter(Column::Id.gt(id));
    }
    let users = query.all(reader).await?.into_iter().map(UserDocument::from).collect();
    page.cut(users, |user| user.id)
}

/// Who works in an organization in a role.
///
/// # Errors
/// The database cannot be read.
pub(crate) async fn with_role(
    reader: &Reader<'_>,
    organization: OrganizationId,
    role: Role,
) -> Result<Vec<UserId>> {
    let found = Entity::find()
        .filter(Column::OrganizationId.eq(organization))
        .filter(Column::Role.eq(role))
        .filter(Column::Active.eq(true))
        .order_by_asc(Column::Id)
        .all(reader)
        .await?;
    Ok(found.into_iter().map(|user| user.id).collect())
}
