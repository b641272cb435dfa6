//! Identifiers in the path.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use naryad_domain::Error;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// The identifiers in the path: one (`PathId<TicketId>`) or several in order (`PathId<(TechnicianId, BuildingId)>`).
/// What is no identifier names nothing: 404.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathId<T>(pub T);

impl<T: DeserializeOwned> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = web::Path::<T>::from_request(request, payload).into_inner();
        ready(path.map(|path| Self(path.into_inner())).map_err(|_| Problem(Error::not_found("identifier"))))
    }
}
