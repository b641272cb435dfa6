//! The words of messages: the texts of the house, those of an organization, and what they become.

pub mod row;
mod sms;
mod standard;
mod store;
mod template;
mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    sms::SmsSize,
    store::{ChangeTemplate, DropTemplate, Preview, PreviewDocument, TemplateDocument, preview, templates},
    template::{NotTemplate, Template},
};
pub(super) use self::{store::Texts, values::of_ticket};
use super::NotificationKind;
use crate::{Error, Result, people::locale::Locale, text::limited::clean_text};

/// The three texts of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// One line: the title of a push, the subject of an e-mail.
    #[schema(max_length = 120)]
    pub title: String,
    /// What a locked screen shows: no person's data.
    #[schema(max_length = 200)]
    pub brief: String,
    /// The whole: the text message, the e-mail, what the app shows.
    #[schema(max_length = 1000)]
    pub body: String,
}

/// What any message of a ticket can say.
const TICKET: &[&str] =
    &["organization", "number", "work", "address", "term", "measures", "when", "workers", "access"];
/// What a message about calls in vain can say besides: what they ended in.
const CALLED: &[&str] = &[
    "organization",
    "number",
    "work",
    "address",
    "term",
    "measures",
    "when",
    "workers",
    "access",
    "outcome",
];
/// What a locked screen may show of it.
const BRIEF: &[&str] = &["number", "organization", "percent"];

impl NotificationKind {
    /// The variables that its texts can use.
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Self::SurveyAsk | Self::SurveyRemind => &["organization", "question", "link"],
            Self::MassNotice | Self::AuthorityNotice => &[],
            Self::Alarm => &["organization", "number", "address", "what", "due", "percent"],
            Self::Accident => &["organization", "number", "address", "what"],
            Self::Unassigned => &["organization", "number", "address", "since"],
            Self::CalledInVain => CALLED,
            _ => TICKET,
        }
    }

    /// Whether somebody wrote the message himself: it has no template.
    pub fn is_verbatim(self) -> bool {
        matches!(self, Self::MassNotice | Self::AuthorityNotice)
    }

    /// Whether its words are made from a ticket.
    pub(super) fn is_of_ticket(self) -> bool {
        self.variables().contains(&"term")
    }
}

impl Words {
    /// Checks texts for a kind and reads them.
    ///
    /// # Errors
    /// `invalid_field`: a text that is empty, too long, no plain text, or uses a variable that there is not.
    pub fn check(&self, kind: NotificationKind) -> Result<()> {
        self.read(kind).map(drop)
    }

    fn read(&self, kind: NotificationKind) -> Result<[Template; 3]> {
        if kind.is_verbatim() {
            return Err(Error::field("kind", "has no template: whoever sends it writes it"));
        }
        let all = kind.variables();
        let public: Vec<&str> = all.iter().copied().filter(|name| BRIEF.contains(name)).collect();
        let read = |field: &str, text: &str, longest, variables: &[&str]| {
            let text = clean_text(text, longest).map_err(|wrong| Error::field(field, wrong.to_string()))?;
            if field != "body" && text.contains('\n') {
                return Err(Error::field(field, "must be one line"));
            }
            Template::parse(&text, variables)
                .map_err(|wrong| Error::field(field, wrong.to_string()).with("variables", variables))
        };
        Ok([
            read("title", &self.title, 120, &public)?,
            read("brief", &self.brief, 200, &public)?,
            read("body", &self.body, 1000, all)?,
        ])
    }

    /// The texts with the values in them.
    ///
    /// # Errors
    /// What [`Words::check`] says.
    pub fn render(&self, kind: NotificationKind, values: &BTreeMap<String, String>) -> Result<Self> {
        let [title, brief, body] = self.read(kind)?;
        Ok(Self {
            title: title.render(values).replace('\n', " "),
            brief: brief.render(values).replace('\n', " "),
            body: body.render(values),
        })
    }

    /// The words of the house.
    pub fn standard(kind: NotificationKind, locale: Locale) -> Self {
        standard::words(kind, locale)
    }
}
