//! How often somebody may ask.

use std::{net::IpAddr, num::NonZeroU32};

use actix_web::{
    Error as ActixError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use naryad_domain::{Code, Error, Result, Scope};
use uuid::Uuid;

use crate::{config::Config, problem::Problem, state::State};

/// Calendars that an address may read in a minute: many phones stand behind one address, and guessing is hopeless anyhow.
const CALENDARS_PER_MINUTE: u32 = 120;

/// Requests by links that an address may make in a minute.
const TRACKS_PER_MINUTE: u32 = 240;

/// Looks at questions and answers to them that an address may make in a minute: a whole house may stand behind one.
const SURVEYS_PER_MINUTE: u32 = 120;

/// Requests by one link in a minute: a person with a page and its pictures.
const LINK_PER_MINUTE: u32 = 120;

/// Counters of requests.
#[derive(Debug)]
pub struct Limits {
    auth: DefaultKeyedRateLimiter<IpAddr>,
    calendars: DefaultKeyedRateLimiter<IpAddr>,
    tracks: DefaultKeyedRateLimiter<IpAddr>,
    surveys: DefaultKeyedRateLimiter<IpAddr>,
    links: DefaultKeyedRateLimiter<String>,
    tickets: DefaultKeyedRateLimiter<Uuid>,
    trust_forwarded: bool,
}

impl Limits {
    /// Fresh counters by the settings; 0 per minute counts as 1.
    pub fn new(config: &Config) -> Self {
        let quota = |per_minute| Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN));
        Self {
            auth: RateLimiter::keyed(quota(config.auth_per_minute)),
            calendars: RateLimiter::keyed(quota(CALENDARS_PER_MINUTE)),
            tracks: RateLimiter::keyed(quota(TRACKS_PER_MINUTE)),
            surveys: RateLimiter::keyed(quota(SURVEYS_PER_MINUTE)),
            links: RateLimiter::keyed(quota(LINK_PER_MINUTE)),
            tickets: RateLimiter::keyed(quota(config.tickets_per_minute)),
            trust_forwarded: config.trust_forwarded,
        }
    }

    /// Counts a new ticket of a person.
    ///
    /// # Errors
    /// `too_many_requests` with `retry_after` in seconds.
    pub fn ticket(&self, scope: &Scope) -> Result<()> {
        check(&self.tickets, &scope.actor_id())
    }

    /// Forgets whoever has not asked for a while.
    pub fn forget(&self) {
        self.auth.retain_recent();
        self.calendars.retain_recent();
        self.tracks.retain_recent();
        self.surveys.retain_recent();
        self.links.retain_recent();
        self.tickets.retain_recent();
    }

    /// Counts a request by a link, from wherever it comes. The whole path is not kept: what follows the token does not count.
    fn by_link(&self, path: &str) -> Result<()> {
        let token = path.trim_start_matches("/v1/track/").split('/').next().unwrap_or_default();
        check(&self.links, &token.chars().take(64).collect())
    }

    fn by_address(&self, limiter: &DefaultKeyedRateLimiter<IpAddr>, request: &ServiceRequest) -> Result<()> {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let forwarded = || request.connection_info().realip_remote_addr().and_then(|text| text.parse().ok());
        let address = if self.trust_forwarded { forwarded().or(peer) } else { peer };
        // Without an address (a socket of this machine) there is nobody to count.
        address.map_or(Ok(()), |address| check(limiter, &address))
    }
}

fn check<K: std::hash::Hash + Eq + Clone>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Result<()> {
    limiter.check_key(key).map_err(|not_until| {
        let wait = not_until.wait_time_from(DefaultClock::default().now());
        Error::new(Code::TooManyRequests, Code::TooManyRequests.title())
            .with("retry_after", wait.as_secs() + 1)
    })
}

/// Counts requests to `/v1/auth/`, `/v1/calendars/`, `/v1/s/` and `/v1/track/` by the address of the client: guessing is slow.
pub(crate) async fn auth(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, ActixError> {
    let limited = match request.app_data::<State>() {
        Some(app) if request.path().starts_with("/v1/auth/") => {
            app.limits.by_address(&app.limits.auth, &request)
        }
        Some(app) if request.path().starts_with("/v1/calendars/") => {
            app.limits.by_address(&app.limits.calendars, &request)
        }
        Some(app) if request.path().starts_with("/v1/s/") => {
            app.limits.by_address(&app.limits.surveys, &request)
        }
        Some(app) if request.path().starts_with("/v1/track/") => {
            let limited = app.limits.by_address(&app.limits.tracks, &request);
            limited.and_then(|()| app.limits.by_link(request.path()))
        }
        _ => Ok(()),
    };
    match limited {
        Ok(()) => Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => Ok(request.error_response(Problem(error))),
    }
}
