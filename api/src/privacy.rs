//! Personal data: who has read them, and their erasure.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{HttpResponse, get, post};
use chrono::TimeDelta;
use naryad_domain::{
    Scope, Time,
    id::{OrganizationId, ResidentId},
    privacy::{self, ErasePreview, Erased, Ground, Keep, PersonalRead, ReadDocument, ReadSubject},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    extract::{Caller, Json, PageQuery, PathId, Query},
    problem::Answer,
    reply::{self, PageOf},
    routes::Routes,
    state::{App, State},
};

pub(crate) fn routes(routes: &mut Routes<'_, '_>) {
    routes.add(list_personal_reads).add(preview_erasure).add(erase_resident);
}

/// So many looks wait at most: then the request that adds one keeps them all before it is answered.
const WAITING: usize = 2_000;

/// Looks are kept this often, in real time: what a killed process loses.
const KEEP_EVERY: Duration = Duration::from_millis(500);

/// Looks of one person at the same data by the same operation within so many minutes are one look: a board that is open
/// asks again and again.
const ONE_LOOK: i64 = 10;

/// So many looks are remembered for that at most.
const REMEMBERED: usize = 50_000;

/// Looks at personal data on their way into the database.
#[derive(Clone, Debug, Default)]
pub struct Reads(Arc<Mutex<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    reads: Vec<PersonalRead>,
    /// When a look was noted last.
    noted: HashMap<(Uuid, &'static str, ReadSubject), Time>,
}

impl Reads {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the looks that wait.
    fn take(&self) -> Vec<PersonalRead> {
        std::mem::take(&mut self.lock().reads)
    }

    /// Takes looks back that could not be kept.
    fn put_back(&self, reads: Vec<PersonalRead>) {
        self.lock().reads.extend(reads);
    }

    /// Adds looks that are not the same as ones just noted. Returns how many wait.
    fn add(&self, reads: impl IntoIterator<Item = PersonalRead>) -> usize {
        let mut waiting = self.lock();
        for read in reads {
            let look = (read.scope.actor_id(), read.operation, read.subject);
            let again = |noted: &Time| (read.at - *noted).abs() < TimeDelta::minutes(ONE_LOOK);
            if waiting.noted.get(&look).is_some_and(again) {
                continue;
            }
            if waiting.noted.len() >= REMEMBERED {
                waiting.noted.clear();
            }
            waiting.noted.insert(look, read.at);
            waiting.reads.push(read);
        }
        waiting.reads.len()
    }
}

impl App {
    /// Notes that whoever asked was shown these people's data.
    pub(crate) async fn note_reads(
        &self,
        scope: &Scope,
        operation: &'static str,
        subjects: impl IntoIterator<Item = ReadSubject>,
    ) {
        let at = self.clock().now();
        let reads =
            subjects.into_iter().filter_map(|subject| PersonalRead::of(scope, operation, subject, at));
        if self.reads.add(reads) > WAITING {
            self.keep_reads().await;
        }
    }

    /// Keeps the looks that wait. What cannot be kept now waits on.
    pub async fn keep_reads(&self) {
        let mut by_tenant: BTreeMap<OrganizationId, Vec<PersonalRead>> = BTreeMap::new();
        for read in self.reads.take() {
            by_tenant.entry(read.scope.organization()).or_default().push(read);
        }
        for (organization, reads) in by_tenant {
            let keep = Keep { reads: reads.clone() };
            if let Err(error) = self.db.write(Scope::system(organization), keep).await {
                tracing::warn!(count = reads.len(), %error, "looks at personal data could not be kept");
                self.reads.put_back(reads);
            }
        }
    }

    /// Keeps looks until the shutdown.
    pub(crate) async fn go_on_keeping_reads(&self) {
        while self.stop.run_until_cancelled(tokio::time::sleep(KEEP_EVERY)).await.is_some() {
            self.keep_reads().await;
        }
    }
}

/// Who has looked at the data of a resident, the newest first. Administrators only.
#[utoipa::path(
    tag = "people",
    params(PageQuery),
    responses((status = 200, description = "A page", body = PageOf<ReadDocument>)),
)]
#[get("/v1/residents/{id}/reads")]
async fn list_personal_reads(
    app: State,
    caller: Caller,
    id: PathId<ResidentId>,
    page: Query<PageQuery>,
) -> Answer {
    let page = page.request(&app)?;
    app.page(privacy::list_reads(&app.db.reader(), &caller.scope, id.0, &page).await?)
}

/// What the erasure of a resident would take. Administrators only.
#[utoipa::path(
    tag = "people",
    responses((status = 200, description = "How much of what", body = ErasePreview)),
)]
#[get("/v1/residents/{id}/erasure")]
async fn preview_erasure(app: State, caller: Caller, id: PathId<ResidentId>) -> Answer {
    reply::document(&privacy::preview(&app.db.reader(), &caller.scope, id.0).await?)
}

/// Why it is erased.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EraseResident {
    /// The ground.
    ground: Ground,
}

/// Erases the personal data of a resident: his record and sign-ins, and of his tickets the applicant, the texts and the
/// photos. The facts of the journal stay. Administrators only.
#[utoipa::path(
    tag = "people",
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "Not needed: what is erased is erased.",
    )),
    responses((status = 200, description = "What was erased", body = Erased)),
)]
#[post("/v1/residents/{id}/erasure")]
async fn erase_resident(
    app: State,
    caller: Caller,
    id: PathId<ResidentId>,
    args: Json<EraseResident>,
) -> Answer {
    let (db, blobs, scope, ground) = (app.db.clone(), Arc::clone(&app.blobs), caller.scope, args.0.ground);
    // In a task of its own: a client that hangs up stops nothing.
    let erased = app.requests.spawn(async move { privacy::erase(&db, &blobs, scope, id.0, ground).await });
    let erased = erased.await.map_err(naryad_domain::Error::internal)??;
    Ok(HttpResponse::Ok().json(erased))
}

#[cfg(test)]
mod tests {
    use naryad_domain::{
        auth::Role,
        id::{TicketId, UserId},
    };

    use super::*;

    #[test]
    fn a_board_that_is_open_looks_once_in_ten_minutes() {
        let reads = Reads::default();
        let id = Uuid::from_u128;
        let scope = |user| Scope::staff(OrganizationId(id(1)), UserId(id(user)), Role::Dispatcher);
        let at = |minutes: i64| Time::from_timestamp(1_790_000_000 + 60 * minutes, 0).unwrap();
        let look = |user, ticket, minutes| {
            let subject = ReadSubject::Ticket(TicketId(id(ticket)));
            PersonalRead::of(&scope(user), "list_tickets", subject, at(minutes))
        };
        for (user, ticket, minutes, waiting) in
            [(1, 1, 0, 1), (1, 1, 9, 1), (1, 2, 9, 2), (2, 1, 9, 3), (1, 1, 10, 4), (1, 1, 19, 4)]
        {
            assert_eq!(reads.add(look(user, ticket, minutes)), waiting);
        }
        let taken = reads.take();
        assert_eq!(taken.len(), 4);
        // What could not be kept is not forgotten, though it was noted.
        reads.put_back(taken);
        assert_eq!(reads.take().len(), 4);
    }
}
