//! A house to tell stories in: a managing company with a ticket and its crew, a resident, and a stranger next door.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::{AddPhoto, AddPhotoArgs, Transfers, row::Model as Photo};
use crate::{
    Clock as _, Result, Scope, Time,
    auth::Role,
    blob::{DirectoryBlobs, Sha256Hash},
    catalogue::{self, PhotoKind},
    clock::ManualClock,
    db::Db,
    handover,
    id::{
        BuildingId, HandoverId, LoginId, MaterialId, OrganizationId, PhotoId, RequestTypeId, ResidentId,
        TechnicianId, TicketId, UserId, VisitId, new_uuid,
    },
    material,
    people::{self, organization::OrganizationKind},
    place,
    testing::{TestDb, assert_sound, databases},
    ticket, visit,
    write::{Act, Tx},
};

/// The house, on a database and a blob store of its own.
pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    pub(crate) transfers: Transfers,
    pub(crate) owner: OrganizationId,
    /// Another tenant. It is nobody's contractor until a story makes it one.
    pub(crate) stranger: OrganizationId,
    pub(crate) desk: Scope,
    /// Of the crew of the visit.
    pub(crate) anna: Scope,
    /// A technician of the owner who is not of the crew.
    pub(crate) boris: Scope,
    /// Asked for the ticket.
    pub(crate) resident: Scope,
    pub(crate) neighbour: Scope,
    pub(crate) strange_desk: Scope,
    pub(crate) ticket: TicketId,
    pub(crate) visit: VisitId,
    /// In the price list of the owner: 123.45 a metre.
    pub(crate) pipe: MaterialId,
    /// In the price list of the stranger.
    pub(crate) strange_pipe: MaterialId,
    pub(crate) blobs: std::path::PathBuf,
    _folder: TempDir,
    _test: TestDb,
}

impl House {
    /// A house on each engine.
    pub(crate) async fn each() -> Vec<Self> {
        let mut houses = Vec::new();
        for test in databases().await {
            houses.push(Self::build(test).await);
        }
        houses
    }

    async fn build(test: TestDb) -> Self {
        let (db, clock) = (test.db.clone(), test.clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let blobs = folder.path().join("blobs");
        let store = Arc::new(DirectoryBlobs::open(&blobs).await.unwrap());
        let id = || new_uuid(&clock);
        let (owner, stranger) = (OrganizationId(id()), OrganizationId(id()));
        let (resident, neighbour, login) = (ResidentId(id()), ResidentId(id()), LoginId(id()));
        let staff = |organization, role| Scope::staff(organization, UserId(id()), role);
        let house = Self {
            transfers: Transfers::new(db.clone(), store),
            owner,
            stranger,
            desk: staff(owner, Role::Dispatcher),
            anna: staff(owner, Role::Technician),
            boris: staff(owner, Role::Technician),
            resident: Scope::resident(owner, login, resident),
            neighbour: Scope::resident(owner, login, neighbour),
            strange_desk: staff(stranger, Role::Dispatcher),
            ticket: TicketId(id()),
            visit: VisitId(id()),
            pipe: MaterialId(id()),
            strange_pipe: MaterialId(id()),
            db,
            clock,
            blobs,
            _folder: folder,
            _test: test,
        };
        for organization in [owner, stranger] {
            house.db.write(Scope::system(organization), house.seed(organization)).await.unwrap();
        }
        house
    }

    fn seed(&self, organization: OrganizationId) -> Seed {
        let now = self.clock.now();
        let mine = |scope: &&Scope| scope.organization() == organization;
        let all = [self.desk, self.anna, self.boris, self.strange_desk];
        let users = all.iter().filter(mine).map(|scope| user(scope, now)).collect();
        let technicians = [self.anna, self.boris];
        let technicians = technicians.iter().filter(mine).map(technician).collect();
        let residents = [self.resident, self.neighbour];
        let residents = residents.iter().filter(mine).map(|scope| resident(scope, now)).collect();
        let own = organization == self.owner;
        let material = if own { self.pipe } else { self.strange_pipe };
        Seed {
            organization: organization_row(organization, now),
            users,
            technicians,
            residents,
            material: material_row(organization, material, now),
            work: own.then(|| self.work(now)),
        }
    }

    fn work(&self, now: Time) -> Work {
        let (building, request_type) =
            (BuildingId(new_uuid(&self.clock)), RequestTypeId(new_uuid(&self.clock)));
        let ticket = ticket_row(self, building, request_type, now);
        Work {
            building: building_row(self.owner, building, now),
            request_type: catalogue::request_type::Model {
                id: request_type,
                organization_id: self.owner,
                code: "pipe-burst".to_owned(),
                current_version: 1,
                active: true,
                doc_version: 1,
                version: 1,
                created_at: now,
            },
            version: catalogue::version::Model {
                request_type_id: request_type,
                number: 1,
                organization_id: self.owner,
                category: "plumbing".to_owned(),
                name_ru: "Прорыв трубы".to_owned(),
                name_en: "Burst pipe".to_owned(),
                emergency: true,
                basis: "416".to_owned(),
                duration_s: 3600,
                rules: json!({
                    "localize": null, "resolve": null, "check_visit": null, "clock": { "kind": "always" },
                    "demands": {}, "precondition": null,
                }),
                created_at: now,
            },
            visit: visit::row::Model {
                id: self.visit,
                organization_id: self.owner,
                staff_organization_id: self.owner,
                ticket_id: self.ticket,
                status: visit::VisitStatus::Started,
                window_kind: visit::WindowKind::None,
                window_start: None,
                window_end: None,
                planned_start: now,
                planned_end: now + TimeDelta::hours(1),
                en_route_at: None,
                started_at: Some(now),
                ended_at: None,
                reason: None,
                override_reason: None,
                version: 1,
                created_at: now,
                changed_at: None,
                checklist: None,
                checklist_at: None,
                confirmed_at: None,
            },
            assignee: visit::assignee::Model {
                visit_id: self.visit,
                technician_id: TechnicianId(self.anna.actor_id()),
                ticket_id: self.ticket,
                organization_id: self.owner,
                lead: true,
            },
            ticket,
        }
    }

    /// Changes the ticket as an act would; a contractor has accepted it.
    pub(crate) async fn edit(&self, edit: fn(&mut ticket::row::Model, OrganizationId)) {
        let act = Edit { ticket: self.ticket, edit, stranger: self.stranger };
        self.db.write(Scope::system(self.owner), act).await.unwrap();
    }

    /// Takes the visit away from the crew.
    pub(crate) async fn cancel_visit(&self) {
        self.db.write(Scope::system(self.owner), CancelVisit(self.ticket)).await.unwrap();
    }

    /// A photo of these bytes, as a phone announces it.
    pub(crate) fn args(&self, bytes: &[u8]) -> AddPhotoArgs {
        AddPhotoArgs {
            photo_id: PhotoId(new_uuid(&self.clock)),
            kind: PhotoKind::Before,
            sha256: Sha256Hash::of(bytes),
            bytes: bytes.len() as u64,
            taken_at: None,
            position: None,
            visit_id: None,
            pair_of: None,
        }
    }

    /// Announces a photo.
    pub(crate) async fn add(&self, scope: Scope, args: &AddPhotoArgs) -> Result<Photo> {
        let act = AddPhoto { ticket: self.ticket, args: args.clone(), review: None };
        self.db.write(scope, act).await.map(|added| added.photo)
    }

    /// Takes the row of a photo away, past the journal, as an erasure does.
    pub(crate) async fn forget_photo(&self, photo: PhotoId) {
        self.db.write(Scope::system(self.owner), ForgetPhoto(photo)).await.unwrap();
    }

    /// What every story ends with: the journal and the feeds hold.
    pub(crate) async fn verify(&self) {
        assert_sound(&self.db).await;
    }
}

struct ForgetPhoto(PhotoId);

impl Act for ForgetPhoto {
    const NAME: &'static str = "test.forget_photo";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        for sql in ["DELETE FROM upload WHERE photo_id = $1", "DELETE FROM photo WHERE id = $1"] {
            tx.execute(sql, [self.0.0.into()]).await?;
        }
        Ok(())
    }
}

struct Seed {
    organization: people::organization::Model,
    users: Vec<people::user::Model>,
    technicians: Vec<people::technician::Model>,
    residents: Vec<people::resident::Model>,
    material: material::price::Model,
    work: Option<Work>,
}

struct Work {
    building: place::building::Model,
    request_type: catalogue::request_type::Model,
    version: catalogue::version::Model,
    ticket: ticket::row::Model,
    visit: visit::row::Model,
    assignee: visit::assignee::Model,
}

impl Act for Seed {
    const NAME: &'static str = "test.seed";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.insert(&self.organization).await?;
        tx.insert_all(&self.users).await?;
        for technician in &self.technicians {
            tx.insert(technician).await?;
            tx.execute(
                "INSERT INTO technician_calendar (technician_id, organization_id, doc_version) VALUES ($1, $2, 1)",
                [technician.id.0.into(), technician.organization_id.0.into()],
            )
            .await?;
        }
        tx.insert_all(&self.residents).await?;
        tx.insert(&self.material).await?;
        if let Some(work) = &self.work {
            tx.insert(&work.building).await?;
            tx.insert(&work.request_type).await?;
            tx.insert(&work.version).await?;
            tx.insert(&work.ticket).await?;
            tx.insert(&work.visit).await?;
            tx.insert(&work.assignee).await?;
        }
        Ok(())
    }
}

struct Edit {
    ticket: TicketId,
    edit: fn(&mut ticket::row::Model, OrganizationId),
    stranger: OrganizationId,
}

impl Act for Edit {
    const NAME: &'static str = "test.edit";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let before = ticket::hold(tx, self.ticket).await?;
        let mut after = before.clone();
        (self.edit)(&mut after, self.stranger);
        tx.update(&before, &after).await?;
        if before.executor_organization_id == after.executor_organization_id {
            return Ok(());
        }
        tx.insert(&handover::row::Model {
            id: HandoverId::new(tx.clock()),
            organization_id: after.organization_id,
            contractor_id: self.stranger,
            ticket_id: after.id,
            state: handover::HandoverState::Accepted,
            offered_by: tx.scope().actor_id(),
            offered_at: tx.now(),
            answer_by: tx.now(),
            answered_by: None,
            answered_at: Some(tx.now()),
            ended_at: None,
            reason: None,
            version: 1,
        })
        .await
    }
}

struct CancelVisit(TicketId);

impl Act for CancelVisit {
    const NAME: &'static str = "test.cancel";
    type Out = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        ticket::hold(tx, self.0).await?;
        for visit in visit::of_ticket(&tx.reader(), self.0).await? {
            let mut after = visit.row.clone();
            after.status = visit::VisitStatus::Cancelled;
            tx.update(&visit.row, &after).await?;
        }
        Ok(())
    }
}

fn organization_row(id: OrganizationId, now: Time) -> people::organization::Model {
    people::organization::Model {
        id,
        kind: OrganizationKind::Managing,
        name: "ООО «УК Дом»".to_owned(),
        zone: "Europe/Moscow".to_owned(),
        settings: json!({}),
        version: 1,
        created_at: now,
        production_region: None,
        calendar_version: 0,
    }
}

fn user(scope: &Scope, now: Time) -> people::user::Model {
    people::user::Model {
        id: UserId(scope.actor_id()),
        organization_id: scope.organization(),
        role: scope.role().unwrap(),
        login: scope.actor_id().to_string(),
        password_hash: String::new(),
        full_name: "Сотрудник".to_owned(),
        phone: None,
        email: None,
        active: true,
        version: 1,
        created_at: now,
    }
}

fn technician(scope: &Scope) -> people::technician::Model {
    people::technician::Model {
        id: TechnicianId(scope.actor_id()),
        organization_id: scope.organization(),
        service_number: None,
        trades: json!([]),
        serves_all_buildings: true,
        version: 1,
    }
}

fn resident(scope: &Scope, now: Time) -> people::resident::Model {
    people::resident::Model {
        id: scope.resident_id().unwrap(),
        organization_id: scope.organization(),
        login_id: None,
        full_name: "Житель".to_owned(),
        email: None,
        locale: "ru".to_owned(),
        disabled: false,
        search: String::new(),
        doc_version: 1,
        version: 1,
        created_at: now,
    }
}

fn material_row(organization_id: OrganizationId, id: MaterialId, now: Time) -> material::price::Model {
    material::price::Model {
        id,
        organization_id,
        code: "pipe-20".to_owned(),
        name: "Труба 20 мм".to_owned(),
        unit: "м".to_owned(),
        price_minor: 12_345,
        active: true,
        decimals: 3,
        stocked: false,
        doc_version: 1,
        version: 1,
        created_at: now,
    }
}

fn building_row(organization_id: OrganizationId, id: BuildingId, now: Time) -> place::building::Model {
    place::building::Model {
        id,
        organization_id,
        address: "ул. Ленина, 5".to_owned(),
        fias_id: None,
        zone: "Europe/Moscow".to_owned(),
        latitude_e7: None,
        longitude_e7: None,
        search: String::new(),
        active: true,
        version: 1,
        created_at: now,
    }
}

fn ticket_row(
    house: &House,
    building_id: BuildingId,
    request_type_id: RequestTypeId,
    now: Time,
) -> ticket::row::Model {
    ticket::row::Model {
        id: house.ticket,
        organization_id: house.owner,
        executor_kind: ticket::ExecutorKind::OwnStaff,
        executor_organization_id: None,
        number: "2026-000001".to_owned(),
        request_type_id,
        request_type_version: 1,
        status: ticket::Status::InProgress,
        source: ticket::Source::Phone,
        emergency: true,
        building_id,
        premises_id: None,
        place: None,
        resident_id: house.resident.resident_id(),
        applicant_name: None,
        applicant_phone: None,
        description: "Течёт труба".to_owned(),
        original_words: None,
        cause: None,
        measures: None,
        crew_needed: None,
        precondition_confirmed: true,
        wished_start: None,
        wished_end: None,
        fields: json!({}),
        planned_term: None,
        registered_by: Uuid::nil(),
        registered_at: now,
        damaged_at: None,
        localized_at: None,
        informed_at: None,
        informed_how: None,
        completed_at: None,
        closed_at: None,
        cancelled_at: None,
        hold_reason: None,
        hold_until: None,
        outcome_reason: None,
        return_count: 0,
        follows_id: None,
        evidence_missing: false,
        search: String::new(),
        version: 1,
        doc_version: 1,
        updated_at: now,
    }
}
