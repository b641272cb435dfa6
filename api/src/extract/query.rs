//! Query parameters, strict: what is not documented is refused, so that a misspelt filter never returns everything.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use naryad_domain::{
    Error, Result,
    auth::{Purpose, seal},
    page::PageRequest,
};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::{openapi, problem::Problem, state::App};

/// The query parameters that `T` names. A handler may take several (`Query<PageQuery>` beside a filter).
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<T> std::ops::Deref for Query<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + IntoParams> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let value = refuse_unknown(request).and_then(|()| parse(request.query_string()));
        ready(value.map(Self).map_err(Problem))
    }
}

/// Refuses a parameter that the operation does not document.
pub(super) fn refuse_unknown(request: &HttpRequest) -> Result<()> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    let pattern = request.match_pattern().unwrap_or_default();
    let known = openapi::query_names(request.method().as_str(), &pattern);
    for (name, _) in pairs(request.query_string()) {
        if !known.contains(&name.as_str()) {
            return Err(Error::field(name, "there is no such parameter"));
        }
    }
    Ok(())
}

fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Reads those parameters that `T` names, and names the one that does not fit.
fn parse<T: DeserializeOwned + IntoParams>(query: &str) -> Result<T> {
    let names: Vec<_> = T::into_params(|| None).into_iter().map(|parameter| parameter.name).collect();
    let own = pairs(query).into_iter().filter(|(name, _)| names.contains(name));
    let own = form_urlencoded::Serializer::new(String::new()).extend_pairs(own).finish();
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(own.as_bytes()));
    serde_path_to_error::deserialize(deserializer).map_err(|failure| {
        let path = failure.path().to_string();
        let message = failure.into_inner().to_string();
        let named = message.split('`').nth(1).filter(|_| path == ".").map(str::to_owned);
        Error::field(named.unwrap_or(path), message)
    })
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// `next_cursor` of the page before; absent for the first page.
    pub cursor: Option<String>,
    /// How many items at most, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

impl PageQuery {
    /// The page that is asked for.
    ///
    /// # Errors
    /// `invalid_field` for a cursor that is not ours and for a limit out of range.
    pub fn request(&self, app: &App) -> Result<PageRequest> {
        let after = match &self.cursor {
            None => None,
            Some(cursor) => {
                let bytes = seal::open(app.keys.secret(Purpose::Cursor), cursor)?;
                Some(serde_json::from_slice(&bytes).map_err(Error::internal)?)
            }
        };
        PageRequest::new(after, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize, IntoParams)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        open: Option<bool>,
        number: String,
    }

    fn refused(query: &str) -> String {
        parse::<Filter>(query).unwrap_err().fields()[0].field.clone()
    }

    #[test]
    fn each_takes_its_own_parameters() {
        let query = "number=2026-%D1%8F+1&limit=5&open=true";
        assert_eq!(
            parse::<Filter>(query).unwrap(),
            Filter { open: Some(true), number: "2026-я 1".to_owned() }
        );
        assert_eq!(parse::<PageQuery>(query).unwrap().limit, Some(5));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(refused("number=1&open=yes"), "open");
        assert_eq!(refused("open=true"), "number");
        assert_eq!(refused("number=1&number=2"), "number");
        assert_eq!(parse::<PageQuery>("limit=-1").unwrap_err().fields()[0].field, "limit");
        assert_eq!(parse::<PageQuery>("limit=").unwrap_err().fields()[0].field, "limit");
    }
}
