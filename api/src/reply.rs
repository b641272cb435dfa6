//! From the outcome of a use case to the answer: the reply is made inside the transaction and kept with it.

use std::marker::PhantomData;

use actix_web::{HttpResponse, http::StatusCode, http::header};
use futures_util::future::BoxFuture;
use naryad_domain::{
    Error, Result,
    auth::{Purpose, seal},
    page::Page,
    write::{Act, Render, Reply, Tx},
};
use serde::{Deserialize, Serialize};

use crate::{
    extract::{Caller, Idempotency},
    problem::Answer,
    state::App,
};

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PageOf<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Send it as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
}

impl App {
    /// Runs an act for the caller and answers what `render` makes of it.
    ///
    /// # Errors
    /// What the act refuses.
    pub async fn write<A: Act>(&self, caller: &Caller, act: A, render: impl Render<A::Out>) -> Answer {
        Ok(respond(self.db.write_reply(caller.scope, act, None, render).await?))
    }

    /// The same under the idempotency key of the request: a repetition gets the stored answer.
    ///
    /// # Errors
    /// What the act refuses; `idempotency_mismatch` for another request under the same key.
    pub async fn write_once<A: Act>(
        &self,
        caller: &Caller,
        key: &Idempotency,
        act: A,
        render: impl Render<A::Out>,
    ) -> Answer {
        Ok(respond(self.db.write_reply(caller.scope, act, key.key()?, render).await?))
    }

    /// Answers a page, its cursor sealed.
    ///
    /// # Errors
    /// The items cannot be written as JSON.
    pub fn page<T: Serialize>(&self, page: Page<T>) -> Answer {
        let next_cursor = match page.next {
            Some(key) => {
                let bytes = serde_json::to_vec(&key).map_err(Error::internal)?;
                Some(seal::seal(self.keys.secret(Purpose::Cursor), &bytes))
            }
            None => None,
        };
        document(&PageOf { items: page.items, next_cursor })
    }
}

/// Answers a document that was read: 200, with the ETag of its `version`.
///
/// # Errors
/// It cannot be written as JSON.
pub fn document<T: Serialize>(document: &T) -> Answer {
    Ok(respond(json(StatusCode::OK, document)?))
}

/// Answers 200 with what is no document of one thing: it carries no version, and is not searched for one.
///
/// # Errors
/// It cannot be written as JSON.
pub fn plain<T: Serialize>(answer: &T) -> Answer {
    Ok(HttpResponse::Ok().json(answer))
}

/// Sends a reply, fresh or replayed.
pub fn respond(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in &reply.headers {
        response.append_header((name.as_str(), value.as_str()));
    }
    response.body(reply.body)
}

/// A reply of JSON. A document that carries `version` carries it as its ETag too, for `If-Match`.
///
/// # Errors
/// It cannot be written as JSON.
pub fn json<T: Serialize>(status: StatusCode, document: &T) -> Result<Reply> {
    #[derive(Deserialize)]
    struct Versioned {
        version: i64,
    }
    let body = serde_json::to_vec(document).map_err(Error::internal)?;
    let mut headers = vec![(header::CONTENT_TYPE.to_string(), "application/json".to_owned())];
    if let Ok(Versioned { version }) = serde_json::from_slice(&body) {
        headers.push((header::ETAG.to_string(), format!("\"{version}\"")));
    }
    Ok(Reply { status: status.as_u16(), headers, body })
}

/// Answers what the act gives back, as JSON.
#[derive(Clone, Copy, Debug)]
pub struct AsJson(StatusCode);

impl AsJson {
    /// With 200.
    pub fn ok() -> Self {
        Self(StatusCode::OK)
    }

    /// With 201.
    pub fn created() -> Self {
        Self(StatusCode::CREATED)
    }
}

impl<Out: Serialize + Sync> Render<Out> for AsJson {
    async fn render(&self, _: &Tx, out: &Out) -> Result<Reply> {
        json(self.0, out)
    }
}

/// Answers 204 and nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

impl<Out: Sync> Render<Out> for NoContent {
    async fn render(&self, _: &Tx, _: &Out) -> Result<Reply> {
        Ok(Reply { status: StatusCode::NO_CONTENT.as_u16(), ..Reply::default() })
    }
}

/// Answers a document that is read inside the transaction, so that it shows what the act did, with its versions and its
/// journal:
///
/// ```text
/// Document::created(|tx, id| Box::pin(async move { ticket::find(&tx.reader(), tx.scope(), *id).await }))
/// ```
pub struct Document<Read, Out, Doc> {
    status: StatusCode,
    read: Read,
    types: PhantomData<fn(&Out) -> Doc>,
}

impl<Read, Out, Doc> Document<Read, Out, Doc>
where
    Read: for<'a> Fn(&'a Tx, &'a Out) -> BoxFuture<'a, Result<Doc>>,
{
    /// With 200.
    pub fn ok(read: Read) -> Self {
        Self { status: StatusCode::OK, read, types: PhantomData }
    }

    /// With 201.
    pub fn created(read: Read) -> Self {
        Self { status: StatusCode::CREATED, read, types: PhantomData }
    }
}

impl<Read, Out, Doc> std::fmt::Debug for Document<Read, Out, Doc> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Document").field(&self.status).finish()
    }
}

impl<Read, Out, Doc> Render<Out> for Document<Read, Out, Doc>
where
    Read: for<'a> Fn(&'a Tx, &'a Out) -> BoxFuture<'a, Result<Doc>> + Send + Sync + 'static,
    Out: Sync + 'static,
    Doc: Serialize + Send + Sync + 'static,
{
    async fn render(&self, tx: &Tx, out: &Out) -> Result<Reply> {
        json(self.status, &(self.read)(tx, out).await?)
    }
}
