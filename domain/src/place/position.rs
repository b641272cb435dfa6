//! A point on the map.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Error, Result};

/// A point in decimal degrees (WGS 84). Stored in whole ten-millionths of a degree, about a centimetre.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// North is positive.
    #[schema(minimum = -90, maximum = 90, example = 55.751244)]
    pub latitude: f64,
    /// East is positive.
    #[schema(minimum = -180, maximum = 180, example = 37.618423)]
    pub longitude: f64,
}

const E7: f64 = 1e7;

impl Position {
    /// Latitude and longitude as they are stored; `field` is where the point stands in the request.
    ///
    /// # Errors
    /// `invalid_field` for what is not on the globe.
    pub fn to_e7(self, field: &str) -> Result<(i64, i64)> {
        let axis = |value: f64, name: &str, most: f64| {
            if value.is_finite() && value.abs() <= most {
                // At most 1.8e9.
                Ok((value * E7).round() as i64)
            } else {
                Err(Error::field(format!("{field}.{name}"), format!("must be from -{most} to {most}")))
            }
        };
        Ok((axis(self.latitude, "latitude", 90.0)?, axis(self.longitude, "longitude", 180.0)?))
    }

    /// The point of a stored row, if it has one.
    pub fn from_e7(latitude: Option<i64>, longitude: Option<i64>) -> Option<Self> {
        let degrees = |e7: i64| e7 as f64 / E7;
        Some(Self { latitude: degrees(latitude?), longitude: degrees(longitude?) })
    }

    /// The way to another point as the crow flies, in metres.
    pub fn metres_to(self, to: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), to.latitude.to_radians());
        let (high, wide) = ((b - a) / 2.0, (to.longitude - self.longitude).to_radians() / 2.0);
        let chord = high.sin().powi(2) + a.cos() * b.cos() * wide.sin().powi(2);
        2.0 * 6_371_000.0 * chord.sqrt().min(1.0).asin()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_on_the_globe_is_refused_by_name() {
        for (latitude, longitude, field) in [
            (90.1, 0.0, "position.latitude"),
            (f64::NAN, 0.0, "position.latitude"),
            (0.0, -180.001, "position.longitude"),
            (0.0, f64::INFINITY, "position.longitude"),
        ] {
            let refusal = Position { latitude, longitude }.to_e7("position").unwrap_err();
            assert_eq!(refusal.fields()[0].field, field);
        }
        assert_eq!(
            Position { latitude: -90.0, longitude: 180.0 }.to_e7("p").unwrap(),
            (-900_000_000, 1_800_000_000)
        );
        assert_eq!(Position::from_e7(Some(1), None), None);
    }

    proptest! {
        #[test]
        fn a_stored_point_comes_back_the_same(latitude in -900_000_000_i64..=900_000_000, longitude in -1_800_000_000_i64..=1_800_000_000) {
            let point = Position::from_e7(Some(latitude), Some(longitude)).unwrap();
            prop_assert_eq!(point.to_e7("p").unwrap(), (latitude, longitude));
        }
    }
}
