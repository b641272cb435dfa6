//! Who sends: the one who is signed in, or a phone by the delivery key of its stream.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use naryad_domain::{
    Code, Error, Result, Scope,
    auth::Role,
    id::StreamId,
    stream::{self, DeliveryKey, Stream},
};

use super::{Caller, query};
use crate::{problem::Problem, state::App};

/// Who pushes and uploads. A delivery key opens these routes and no other, in the name of the stream's owner, also when
/// he has signed out or was let go.
#[derive(Clone, Debug)]
pub struct Sender {
    /// In whose name.
    pub scope: Scope,
    /// The stream whose key was shown; absent: an access token was.
    pub stream: Option<Stream>,
}

impl Sender {
    /// Passes the stream whose key was shown, and every stream of one who is signed in.
    ///
    /// # Errors
    /// `stream_of_another`.
    pub fn require_stream(&self, id: StreamId) -> Result<()> {
        match &self.stream {
            Some(stream) if stream.stream_id != id => {
                Err(Error::new(Code::StreamOfAnother, "the delivery key is of another stream"))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequest for Sender {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let key = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = key.and_then(|text| text.split_once(' '));
        let Some((_, key)) = key.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("delivery")) else {
            let caller = Caller::from_request(request, payload);
            return Box::pin(async move { Ok(Self { scope: caller.await?.scope, stream: None }) });
        };
        let key = DeliveryKey::parse(key.trim());
        let request = request.clone();
        Box::pin(async move {
            query::refuse_unknown(&request)?;
            let invalid = || Error::new(Code::TokenInvalid, Code::TokenInvalid.title());
            let app = App::of(&request)?;
            let stream = match key {
                Some(key) => stream::by_key(&app.db.reader(), &key).await?,
                None => None,
            };
            let stream = stream.ok_or_else(invalid)?;
            let scope = Scope::staff(stream.organization_id, stream.user_id, Role::Technician);
            Ok(Self { scope, stream: Some(stream) })
        })
    }
}
