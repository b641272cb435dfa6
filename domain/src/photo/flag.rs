//! What makes a photo doubtful. It is shown to the desk and never refuses anything: a lost clock is not a lie.

use chrono::{LocalResult, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PhotoPosition, row::Model};
use crate::{
    Error, Result, Scope, Time,
    db::Reader,
    id::{OrganizationId, PhotoId, TicketId},
    people::Settings,
    place::Position,
};
use naryad_picture::PerceptualHash;

/// A doubt about a photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum PhotoFlag {
    /// It was taken before the ticket was registered.
    BeforeRegistration {
        /// By how much, in seconds.
        seconds: i64,
    },
    /// It was taken after the work was reported done.
    AfterCompletion {
        /// By how much, in seconds.
        seconds: i64,
    },
    /// It was taken far from the building.
    FarFromBuilding {
        /// How far at least, in metres: the inaccuracy of the reading is taken off.
        metres: i64,
    },
    /// The phone and the file name places far from each other.
    PositionDiffers {
        /// How far, in metres.
        metres: i64,
    },
    /// The clock of the device is off: the photo comes from the future, or phone and file name different times.
    ClockOff {
        /// By how much, in seconds; positive: the phone is ahead.
        seconds: i64,
    },
    /// An earlier photo has the very same bytes.
    SameBytes {
        /// That photo, for whoever may see it.
        photo_id: Option<PhotoId>,
        /// Its ticket.
        ticket_id: Option<TicketId>,
    },
    /// An earlier photo shows nearly the same.
    NearDuplicate {
        /// That photo, for whoever may see it.
        photo_id: Option<PhotoId>,
        /// Its ticket.
        ticket_id: Option<TicketId>,
        /// In how many of 64 bits the hashes differ.
        #[schema(maximum = 3)]
        distance: u32,
    },
    /// The file is damaged: some of the picture is guessed.
    Damaged {},
}

impl PhotoFlag {
    /// The flag as somebody else's desk sees it: not which other photo it is.
    fn without_names(self) -> Self {
        match self {
            Self::SameBytes { .. } => Self::SameBytes { photo_id: None, ticket_id: None },
            Self::NearDuplicate { distance, .. } => {
                Self::NearDuplicate { photo_id: None, ticket_id: None, distance }
            }
            other => other,
        }
    }

    /// The flags of a photo for a scope: desks see them, and only the owner's desk which other photo is meant.
    ///
    /// # Errors
    /// `internal` when the column holds something else.
    pub(super) fn shown(scope: &Scope, photo: &Model) -> Result<Vec<Self>> {
        if !scope.is_desk() {
            return Ok(Vec::new());
        }
        let flags = Self::of(photo)?;
        if scope.organization() == photo.organization_id {
            return Ok(flags);
        }
        Ok(flags.into_iter().map(Self::without_names).collect())
    }

    fn of(photo: &Model) -> Result<Vec<Self>> {
        let Some(flags) = &photo.flags else { return Ok(Vec::new()) };
        let unreadable = |cause| Error::internal(format!("photo {}, column flags: {cause}", photo.id));
        serde_json::from_value(flags.clone()).map_err(unreadable)
    }
}

/// What a photo is held against.
pub(super) struct Scene<'a> {
    pub(super) settings: &'a Settings,
    pub(super) registered_at: Time,
    pub(super) completed_at: Option<Time>,
    pub(super) building: Option<Position>,
}

/// The doubts that time and place raise.
pub(super) fn of_time_and_place(photo: &Model, scene: &Scene<'_>) -> Vec<PhotoFlag> {
    let mut flags = Vec::new();
    let patience = TimeDelta::minutes(scene.settings.photo_clock_minutes.into());
    let taken = photo.taken_at.or(photo.exif_at);
    let received = photo.received_at.unwrap_or(photo.added_at);
    if let Some(taken) = taken {
        if taken + patience < scene.registered_at {
            flags
                .push(PhotoFlag::BeforeRegistration { seconds: (scene.registered_at - taken).num_seconds() });
        }
        if let Some(completed) = scene.completed_at.filter(|completed| taken > *completed + patience) {
            flags.push(PhotoFlag::AfterCompletion { seconds: (taken - completed).num_seconds() });
        }
    }
    let ahead = taken.map(|taken| taken - received).filter(|ahead| *ahead > patience);
    let apart = photo.taken_at.zip(photo.exif_at).map(|(phone, file)| phone - file);
    if let Some(off) = ahead.or(apart.filter(|apart| apart.abs() > patience)) {
        flags.push(PhotoFlag::ClockOff { seconds: off.num_seconds() });
    }
    let far = f64::from(scene.settings.photo_distance_m);
    let phone = PhotoPosition::of(photo);
    let file = Position::from_e7(photo.exif_latitude_e7, photo.exif_longitude_e7);
    let place = phone.map(|phone| Position { latitude: phone.latitude, longitude: phone.longitude });
    if let Some((taken, building)) = place.or(file).zip(scene.building) {
        let unsure = phone.and_then(|phone| phone.accuracy_m).unwrap_or(0.0);
        let metres = taken.metres_to(building) - unsure;
        if metres > far {
            flags.push(PhotoFlag::FarFromBuilding { metres: whole(metres) });
        }
    }
    if let Some((phone, file)) = place.zip(file) {
        let metres = phone.metres_to(file);
        if metres > far {
            flags.push(PhotoFlag::PositionDiffers { metres: whole(metres) });
        }
    }
    flags
}

fn whole(metres: f64) -> i64 {
    metres.round() as i64
}

/// The instant of a local time; at a change of the clocks the earlier one, in a gap none.
pub(super) fn instant(local: NaiveDateTime, zone: &str) -> Option<Time> {
    match zone.parse::<Tz>().ok()?.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.with_timezone(&Utc)),
        LocalResult::None => None,
    }
}

#[derive(FromQueryResult)]
struct Other {
    id: PhotoId,
    ticket_id: TicketId,
}

/// The oldest other photo of the organization with the same bytes, added before this one.
pub(super) async fn same_bytes(reader: &Reader<'_>, photo: &Model) -> Result<Option<PhotoFlag>> {
    let sql = "SELECT id, ticket_id FROM photo
               WHERE organization_id = $1 AND sha256 = $2 AND id <> $3 AND added_at <= $4
               ORDER BY added_at, id LIMIT 1";
    let values =
        [photo.organization_id.0.into(), photo.sha256.into(), photo.id.0.into(), photo.added_at.into()];
    let other = reader.one::<Other>(sql, values).await?;
    Ok(other.map(|Other { id, ticket_id }| PhotoFlag::SameBytes {
        photo_id: Some(id),
        ticket_id: Some(ticket_id),
    }))
}

#[derive(Clone, Copy, Debug, FromQueryResult)]
struct Candidate {
    photo_id: PhotoId,
    hash: i64,
}

/// The photo of the organization whose hash is nearest to this one, of those that are near, with the distance.
///
/// Of four bands of sixteen bits, near hashes share one at least: four looks into an index find all candidates, whatever
/// the number of photos.
///
/// # Errors
/// The database cannot be read.
pub async fn nearest(
    reader: &Reader<'_>,
    organization: OrganizationId,
    hash: PerceptualHash,
    except: PhotoId,
) -> Result<Option<(PhotoId, u32)>> {
    let [a, b, c, d] = hash.bands().map(i64::from);
    let sql = "SELECT photo_id, hash FROM photo_hash WHERE organization_id = $1 AND band_0 = $2
               UNION SELECT photo_id, hash FROM photo_hash WHERE organization_id = $1 AND band_1 = $3
               UNION SELECT photo_id, hash FROM photo_hash WHERE organization_id = $1 AND band_2 = $4
               UNION SELECT photo_id, hash FROM photo_hash WHERE organization_id = $1 AND band_3 = $5";
    let values = [organization.0.into(), a.into(), b.into(), c.into(), d.into()];
    let candidates = reader.all::<Candidate>(sql, values).await?;
    Ok(candidates
        .into_iter()
        .filter(|candidate| candidate.photo_id != except)
        .map(|candidate| (hash.distance(stored(candidate.hash)), candidate.photo_id))
        .filter(|(distance, _)| *distance <= naryad_picture::NEAR)
        .min()
        .map(|(distance, id)| (id, distance)))
}

/// A hash as it stands in a column: the same bits, as a signed number.
pub(super) fn column(hash: PerceptualHash) -> i64 {
    hash.0.cast_signed()
}

fn stored(column: i64) -> PerceptualHash {
    PerceptualHash(column.cast_unsigned())
}

/// The flag of the nearest photo, with its ticket.
pub(super) async fn near_duplicate(
    reader: &Reader<'_>,
    photo: &Model,
    hash: PerceptualHash,
) -> Result<Option<PhotoFlag>> {
    let Some((id, distance)) = nearest(reader, photo.organization_id, hash, photo.id).await? else {
        return Ok(None);
    };
    let sql = "SELECT id, ticket_id FROM photo WHERE id = $1";
    let other = reader.one::<Other>(sql, [id.0.into()]).await?;
    Ok(other.map(|Other { id, ticket_id }| PhotoFlag::NearDuplicate {
        photo_id: Some(id),
        ticket_id: Some(ticket_id),
        distance,
    }))
}
