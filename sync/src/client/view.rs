//! What the app shows, read from the store alone.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{
    Client,
    error::Result,
    store::{
        entities::{self, Shelf},
        photos::{self, Photo},
        queue, streams,
    },
};

/// An entity as it was pulled.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// Its feed.
    pub feed: String,
    /// What it is: `ticket`, `premises`... What the app does not know it keeps.
    pub entity: String,
    /// Which one.
    pub id: Uuid,
    /// The version of its document.
    pub doc_version: i64,
    /// The document.
    pub data: Value,
}

impl Entity {
    /// A text of the document.
    fn text(&self, name: &str) -> String {
        self.data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The state of a photo in the document of a ticket: `expected`, `received`, `refused`.
    pub(super) fn photo_state(&self, photo: Uuid) -> Option<&str> {
        let id = photo.hyphenated().to_string();
        let photos = self.data.get("photos")?.as_array()?;
        let shown = photos.iter().find(|shown| shown.get("id").and_then(Value::as_str) == Some(&id))?;
        shown.get("state")?.as_str()
    }
}

/// A ticket in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// Identifier.
    pub id: Uuid,
    /// Registration number.
    pub number: String,
    /// Where it stands, by the server.
    pub status: String,
    /// The address.
    pub address: String,
    /// What happened.
    pub description: String,
    /// The version of the document.
    pub doc_version: i64,
    /// What this phone has done about it and the server has not answered, in order.
    pub waiting: Vec<Mutation>,
    /// The whole document.
    pub data: Value,
}

/// A mutation of the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    /// Its stream.
    pub stream_id: Uuid,
    /// Who did it.
    pub user_id: Uuid,
    /// Its number in the stream.
    pub seq: i64,
    /// Identifier.
    pub id: Uuid,
    /// Type.
    pub kind: String,
    /// Its ticket.
    pub ticket_id: Option<Uuid>,
    /// The version of the ticket that the phone held.
    pub base_version: Option<i64>,
    /// When it was done, by the clock of the phone.
    pub occurred_at: String,
    /// Arguments.
    pub args: Value,
    /// Whether it still has to be delivered; again, when there is an answer.
    pub waits: bool,
    /// What the server said.
    pub answer: Option<Answered>,
}

/// What the server said to a mutation.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// `applied`, `merged`, `held_for_review` or `refused`.
    pub status: String,
    /// Why.
    pub code: Option<String>,
    /// What came of it.
    pub result: Option<Value>,
    /// The review it is held in: the `outcome` of this identifier tells how it ends.
    pub review_id: Option<Uuid>,
    /// When, Unix milliseconds.
    pub at_ms: Option<i64>,
}

/// What waits on the phone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Acts.
    pub mutations: i64,
    /// Photos.
    pub photos: i64,
}

impl Waiting {
    /// Whether everything was delivered.
    pub fn is_nothing(&self) -> bool {
        self.mutations == 0 && self.photos == 0
    }
}

/// Work that did not go its way: held for the dispatcher, or refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What was done.
    pub mutation: Mutation,
    /// The document of the review, once it was pulled: `state` is `open`, `applied`, `attached` or `sent_back`, `word`
    /// what the dispatcher says.
    pub review: Option<Value>,
}

impl Client {
    /// Who holds the phone.
    ///
    /// # Errors
    /// The store fails.
    pub async fn user(&self) -> Result<Option<Uuid>> {
        let current = streams::current(&mut *self.store().begin().await?).await?;
        Ok(current.map(|stream| stream.user))
    }

    /// The tickets that are held, with what waits about each.
    ///
    /// # Errors
    /// The store fails.
    pub async fn tickets(&self) -> Result<Vec<Ticket>> {
        let mut tx = self.store().begin().await?;
        let current = streams::current(&mut tx).await?.map(|stream| stream.id);
        let mut queue = queue::all(&mut tx).await?;
        queue.retain(|mutation| mutation.waits && Some(mutation.stream_id) == current);
        let mut held = entities::of_kind(&mut tx, "ticket").await?;
        held.dedup_by_key(|ticket| ticket.id);
        let tickets = held.into_iter().map(|ticket| Ticket {
            id: ticket.id,
            number: ticket.text("number"),
            status: ticket.text("status"),
            address: ticket.text("address"),
            description: ticket.text("description"),
            doc_version: ticket.doc_version,
            waiting: queue.iter().filter(|mutation| mutation.ticket_id == Some(ticket.id)).cloned().collect(),
            data: ticket.data,
        });
        Ok(tickets.collect())
    }

    /// One ticket.
    ///
    /// # Errors
    /// The store fails.
    pub async fn ticket(&self, id: Uuid) -> Result<Option<Ticket>> {
        Ok(self.tickets().await?.into_iter().find(|ticket| ticket.id == id))
    }

    /// Everything that is held, sorted by feed, entity and identifier.
    ///
    /// # Errors
    /// The store fails.
    pub async fn entities(&self) -> Result<Vec<Entity>> {
        entities::all(&mut *self.store().begin().await?).await
    }

    /// How many entities of a feed are held, and their digest.
    ///
    /// # Errors
    /// The store fails.
    pub async fn digest(&self, feed: &str) -> Result<(i64, i64)> {
        entities::digest(&mut *self.store().begin().await?, Shelf::Shown, feed).await
    }

    /// What waits on the phone, whoever did it.
    ///
    /// # Errors
    /// The store fails.
    pub async fn waiting(&self) -> Result<Waiting> {
        queue::count(&mut *self.store().begin().await?, None).await
    }

    /// All mutations that are kept, stream by stream, in order, with their answers.
    ///
    /// # Errors
    /// The store fails.
    pub async fn queue(&self) -> Result<Vec<Mutation>> {
        queue::all(&mut *self.store().begin().await?).await
    }

    /// All photos that are kept, the oldest first.
    ///
    /// # Errors
    /// The store fails.
    pub async fn photos(&self) -> Result<Vec<Photo>> {
        photos::all(&mut *self.store().begin().await?).await
    }

    /// The inbox of the one who holds the phone: his work that was held or refused, with what was decided.
    ///
    /// # Errors
    /// The store fails.
    pub async fn outcomes(&self) -> Result<Vec<Outcome>> {
        let mut tx = self.store().begin().await?;
        let user = streams::current(&mut tx).await?.map(|stream| stream.user);
        let mut outcomes = Vec::new();
        for mutation in queue::all(&mut tx).await? {
            let Some(answer) = &mutation.answer else { continue };
            let aside = matches!(answer.status.as_str(), "held_for_review" | "refused");
            if !aside || Some(mutation.user_id) != user {
                continue;
            }
            let review = match answer.review_id {
                Some(review) => entities::find(&mut tx, "outcome", review).await?.map(|found| found.data),
                None => None,
            };
            outcomes.push(Outcome { mutation, review });
        }
        Ok(outcomes)
    }
}
