//! Where a phone was when it took a photo.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::row::Model;
use crate::{Error, Result, place::Position};

/// The phone's own reading at the moment of capture: browsers strip the position from the file itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhotoPosition {
    /// Decimal degrees (WGS 84); north is positive.
    #[schema(minimum = -90, maximum = 90, example = 55.751244)]
    pub latitude: f64,
    /// Decimal degrees (WGS 84); east is positive.
    #[schema(minimum = -180, maximum = 180, example = 37.618423)]
    pub longitude: f64,
    /// The radius in metres within which the phone believed itself to be; kept rounded up to whole metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, example = 12.0)]
    pub accuracy_m: Option<f64>,
}

/// What no accuracy exceeds: half the circumference of the Earth, in metres.
const FARTHEST_M: f64 = 20_037_509.0;

impl PhotoPosition {
    /// Writes the position into the columns of a row.
    ///
    /// # Errors
    /// `invalid_field` for what is not on the globe.
    pub(super) fn put(self, row: &mut Model) -> Result<()> {
        let Self { latitude, longitude, accuracy_m } = self;
        let (latitude, longitude) = Position { latitude, longitude }.to_e7("position")?;
        if accuracy_m.is_some_and(|metres| !(0.0..=FARTHEST_M).contains(&metres)) {
            return Err(Error::field("position.accuracy_m", format!("must be from 0 to {FARTHEST_M}")));
        }
        row.latitude_e7 = Some(latitude);
        row.longitude_e7 = Some(longitude);
        row.accuracy_m = accuracy_m.map(|metres| metres.ceil() as i64);
        Ok(())
    }

    /// The position in the columns of a row, if there is one.
    pub(super) fn of(row: &Model) -> Option<Self> {
        let Position { latitude, longitude } = Position::from_e7(row.latitude_e7, row.longitude_e7)?;
        Some(Self { latitude, longitude, accuracy_m: row.accuracy_m.map(|metres| metres as f64) })
    }
}
