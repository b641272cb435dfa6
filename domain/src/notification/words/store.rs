//! Reading, changing and trying an organization's words.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, EntityTrait, Iterable, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    SmsSize, Words, of_ticket,
    row::{Column, Entity, Model},
};
use crate::{
    Error, Result, Scope,
    auth::Role,
    db::Reader,
    id::{OrganizationId, TicketId},
    notification::NotificationKind,
    page::expect_version,
    people::{locale::Locale, organization},
    ticket,
    write::{Act, Tx},
};

/// Who sees the words and decides about them.
const KEEPERS: &[Role] = &[Role::Manager, Role::Admin];

/// The words of a kind of message in a language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TemplateDocument {
    /// What is told.
    pub kind: NotificationKind,
    /// In which language.
    pub locale: Locale,
    /// The texts.
    pub words: Words,
    /// The variables that they can use.
    pub variables: Vec<String>,
    /// Whether they are the organization's own, or those of the house.
    pub own: bool,
    /// Rises with every change; the ETag. 0: the words of the house.
    pub version: i64,
}

impl TemplateDocument {
    fn of(kind: NotificationKind, locale: Locale, own: Option<Model>) -> Self {
        Self {
            kind,
            locale,
            variables: kind.variables().iter().map(|name| (*name).to_owned()).collect(),
            own: own.is_some(),
            version: own.as_ref().map_or(0, |row| row.version),
            words: own.map_or_else(|| Words::standard(kind, locale), Model::words),
        }
    }
}

impl Model {
    fn words(self) -> Words {
        Words { title: self.title, brief: self.brief, body: self.body }
    }
}

/// The words of all kinds in all languages.
///
/// # Errors
/// `forbidden` for whoever does not decide about them.
pub async fn templates(reader: &Reader<'_>, scope: &Scope) -> Result<Vec<TemplateDocument>> {
    scope.require(KEEPERS)?;
    let mut own = Texts::of(reader, [scope.organization()]).await?.0;
    let kinds = NotificationKind::iter().filter(|kind| !kind.is_verbatim());
    Ok(kinds
        .flat_map(|kind| Locale::iter().map(move |locale| (kind, locale)))
        .map(|(kind, locale)| {
            TemplateDocument::of(kind, locale, own.remove(&(scope.organization(), kind, locale)))
        })
        .collect())
}

/// The words of some organizations, as they are needed to write messages.
pub(in crate::notification) struct Texts(BTreeMap<(OrganizationId, NotificationKind, Locale), Model>);

impl Texts {
    pub(in crate::notification) async fn of(
        reader: &Reader<'_>,
        organizations: impl IntoIterator<Item = OrganizationId>,
    ) -> Result<Self> {
        let rows = Entity::find().filter(Column::OrganizationId.is_in(organizations)).all(reader).await?;
        Ok(Self(rows.into_iter().map(|row| ((row.organization_id, row.kind, row.locale), row)).collect()))
    }

    pub(in crate::notification) fn words(
        &self,
        organization: OrganizationId,
        kind: NotificationKind,
        locale: Locale,
    ) -> Words {
        self.0
            .get(&(organization, kind, locale))
            .cloned()
            .map_or_else(|| Words::standard(kind, locale), Model::words)
    }
}

/// Gives a kind of message words of the organization's own.
#[derive(Clone, Debug)]
pub struct ChangeTemplate {
    /// What is told.
    pub kind: NotificationKind,
    /// In which language.
    pub locale: Locale,
    /// The version the client has read.
    pub version: i64,
    /// The texts.
    pub words: Words,
}

impl Act for ChangeTemplate {
    const NAME: &'static str = "notification.template";
    type Out = TemplateDocument;

    async fn run(&self, tx: &mut Tx) -> Result<TemplateDocument> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        self.words.check(self.kind)?;
        tx.lock_subject("organization", scope.organization().0).await?;
        let before = own(&tx.reader(), &scope, self.kind, self.locale).await?;
        expect_version(before.as_ref().map_or(0, |row| row.version), self.version)?;
        let Words { title, brief, body } = self.words.clone();
        let trim = |text: String| text.trim().to_owned();
        let after = Model {
            organization_id: scope.organization(),
            kind: self.kind,
            locale: self.locale,
            title: trim(title),
            brief: trim(brief),
            body: trim(body),
            version: self.version + 1,
        };
        match &before {
            Some(before) => tx.update(before, &after).await?,
            None => tx.insert(&after).await?,
        }
        Ok(TemplateDocument::of(self.kind, self.locale, Some(after)))
    }
}

/// Gives a kind of message the words of the house again.
#[derive(Clone, Copy, Debug)]
pub struct DropTemplate {
    /// What is told.
    pub kind: NotificationKind,
    /// In which language.
    pub locale: Locale,
}

impl Act for DropTemplate {
    const NAME: &'static str = "notification.template_drop";
    type Out = TemplateDocument;

    async fn run(&self, tx: &mut Tx) -> Result<TemplateDocument> {
        let scope = *tx.scope();
        scope.require(KEEPERS)?;
        tx.lock_subject("organization", scope.organization().0).await?;
        if let Some(row) = own(&tx.reader(), &scope, self.kind, self.locale).await? {
            tx.delete(&row).await?;
        }
        Ok(TemplateDocument::of(self.kind, self.locale, None))
    }
}

async fn own(
    reader: &Reader<'_>,
    scope: &Scope,
    kind: NotificationKind,
    locale: Locale,
) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((scope.organization(), kind, locale)).one(reader).await?)
}

/// Texts to be tried.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// What is told.
    pub kind: NotificationKind,
    /// In which language.
    pub locale: Locale,
    /// The texts; absent: those that hold now.
    #[serde(default)]
    pub words: Option<Words>,
    /// A ticket to take the values from; absent: examples.
    #[serde(default)]
    pub ticket_id: Option<TicketId>,
}

/// What texts become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreviewDocument {
    /// The texts with the values in them.
    pub words: Words,
    /// How long the body is as a text message.
    pub sms: SmsSize,
}

/// Tries texts, saved or not.
///
/// # Errors
/// `invalid_field` as at saving; `not_found`: no such ticket in sight; `forbidden` for whoever does not decide about them.
pub async fn preview(reader: &Reader<'_>, scope: &Scope, args: &Preview) -> Result<PreviewDocument> {
    scope.require(KEEPERS)?;
    let words = match &args.words {
        Some(words) => words.clone(),
        None => {
            let texts = Texts::of(reader, [scope.organization()]).await?;
            texts.words(scope.organization(), args.kind, args.locale)
        }
    };
    let mut values = examples(args.locale);
    if let Some(id) = args.ticket_id {
        let ticket = ticket::document(reader, scope, id).await?;
        values.extend(of_ticket(&ticket, None, args.locale));
    }
    let organization = organization::Entity::find_by_id(scope.organization()).one(reader).await?;
    let name =
        organization.map(|organization| organization.name).ok_or_else(|| Error::not_found("organization"))?;
    values.insert("organization".to_owned(), name);
    let words = words.render(args.kind, &values)?;
    let sms = SmsSize::of(&words.body);
    Ok(PreviewDocument { words, sms })
}

fn examples(locale: Locale) -> BTreeMap<String, String> {
    let pairs = match locale {
        Locale::Ru => [
            ("number", "2026-000123"),
            ("work", "Протечка в квартире"),
            ("address", "ул. Ленина, 1, кв. 5"),
            ("term", "1 марта в 18:00"),
            ("measures", "Перекрытие стояка, замена крана"),
            ("when", "1 марта с 14:00 до 16:00"),
            ("workers", "Иванов Иван Иванович"),
            ("access", "ул. Ленина, 1, кв. 5, основание: протечка"),
            ("question", "Как выполнена заявка № 2026-000123?"),
            ("outcome", "Заявка отменена."),
            ("link", "https://example.org/v1/s/AbCdEfGh"),
            ("what", "срок устранения"),
            ("due", "1 марта в 18:00"),
            ("percent", "80"),
            ("since", "14:00"),
        ],
        Locale::En => [
            ("number", "2026-000123"),
            ("work", "Leak in the flat"),
            ("address", "Lenina 1, flat 5"),
            ("term", "1 March, 18:00"),
            ("measures", "Shut the riser, replace the tap"),
            ("when", "1 March, 14:00 to 16:00"),
            ("workers", "Ivan Ivanov"),
            ("access", "Lenina 1, flat 5, reason: leak"),
            ("question", "How was request No. 2026-000123 done?"),
            ("outcome", "The request is cancelled."),
            ("link", "https://example.org/v1/s/AbCdEfGh"),
            ("what", "term of the repair"),
            ("due", "1 March, 18:00"),
            ("percent", "80"),
            ("since", "14:00"),
        ],
    };
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
