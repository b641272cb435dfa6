//! Quantities of material: whole thousandths inside, decimals outside, never a float.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::ToSchema;

use crate::Error;

/// How much of a material, in its unit: more than 0, at most a million, with at most three decimals. In JSON and text a
/// decimal string such as `1.5`; in the database whole thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, pattern = r"^[0-9]{1,7}(\.[0-9]{1,3})?$", example = "1.5")]
pub struct Quantity(i64);

/// What [`Quantity`] says of anything that is none.
const WHAT_IT_IS: &str =
    "must be a decimal such as 1.5: more than 0, at most 1000000, with at most 3 decimals";

impl Quantity {
    /// The largest quantity, in thousandths.
    const MAX_MILLI: i64 = 1_000_000_000;

    /// The quantity of so many thousandths. `None` for what is not more than 0 and at most a million units.
    pub fn from_milli(milli: i64) -> Option<Self> {
        (1..=Self::MAX_MILLI).contains(&milli).then_some(Self(milli))
    }

    /// In thousandths.
    pub fn milli(self) -> i64 {
        self.0
    }

    /// What it costs at a price for one unit, both in minor units of money (kopecks), rounded half up. `None` when that
    /// is more than can be kept.
    pub fn cost(self, price_minor: i64) -> Option<i64> {
        let thousandths = i128::from(price_minor) * i128::from(self.0);
        // Rounds half up below zero too, where a plain division would round towards it.
        i64::try_from((thousandths + 500).div_euclid(1000)).ok()
    }
}

impl FromStr for Quantity {
    type Err = Error;

    /// # Errors
    /// `invalid_field` naming `quantity`.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::field("quantity", WHAT_IT_IS))
    }
}

fn parse(text: &str) -> Option<Quantity> {
    let (whole, decimals) = match text.split_once('.') {
        // A point must be followed by something.
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || !(1..=7).contains(&whole.len()) || decimals.len() > 3 {
        return None;
    }
    Quantity::from_milli(format!("{whole}{decimals:0<3}").parse().ok()?)
}

/// Without zeros that say nothing: `1.5`, `2`.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, milli) = (self.0 / 1000, self.0 % 1000);
        if milli == 0 {
            return write!(f, "{whole}");
        }
        let decimals = format!("{milli:03}");
        write!(f, "{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(WHAT_IT_IS))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_are_thousandths() {
        for (text, milli, shown) in [
            ("1", 1000, "1"),
            ("1.5", 1500, "1.5"),
            ("1.500", 1500, "1.5"),
            ("0.001", 1, "0.001"),
            ("0.05", 50, "0.05"),
            ("007", 7000, "7"),
            ("1000000", 1_000_000_000, "1000000"),
            ("1000000.000", 1_000_000_000, "1000000"),
        ] {
            assert_eq!(
                (quantity(text).milli(), quantity(text).to_string().as_str()),
                (milli, shown),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ".",
            "0",
            "0.000",
            "-1",
            "+1",
            "1.",
            ".5",
            "1,5",
            "1.2345",
            "1e3",
            " 1",
            "1 ",
            "1000000.001",
            "1000001",
            "00000001",
            "١",
            "1.5.5",
            "1_000",
            "NaN",
        ] {
            let refusal = text.parse::<Quantity>().unwrap_err();
            assert_eq!(refusal.fields()[0].field, "quantity", "{text:?}");
            assert!(serde_json::from_value::<Quantity>(text.into()).is_err(), "{text:?}");
        }
        assert!(serde_json::from_str::<Quantity>("1.5").is_err(), "a JSON number is a float to many clients");
    }

    #[test]
    fn cost_is_rounded_half_up() {
        for (text, price, cost) in [
            ("1.5", 12_345, 18_518), // 18517.5
            ("0.001", 499, 0),
            ("0.001", 500, 1),
            ("2", 0, 0),
            ("0.333", 1000, 333),
        ] {
            assert_eq!(quantity(text).cost(price), Some(cost), "{text} at {price}");
        }
        assert_eq!(quantity("1").cost(i64::MAX), Some(i64::MAX));
        assert_eq!(quantity("1.001").cost(i64::MAX), None);
        assert_eq!(quantity("1000000").cost(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn text_and_json_give_back_the_same(milli in 1..=Quantity::MAX_MILLI) {
            let quantity = Quantity::from_milli(milli).unwrap();
            prop_assert_eq!(quantity.to_string().parse::<Quantity>().unwrap(), quantity);
            let json = serde_json::to_string(&quantity).unwrap();
            prop_assert_eq!(serde_json::from_str::<Quantity>(&json).unwrap(), quantity);
        }

        #[test]
        fn what_is_taken_is_in_bounds_and_said_the_same(text in "[0-9.,eE+ -]{0,12}|.{0,20}") {
            if let Ok(quantity) = text.parse::<Quantity>() {
                prop_assert_eq!(Quantity::from_milli(quantity.milli()), Some(quantity));
                prop_assert_eq!(text.parse::<f64>().unwrap(), quantity.to_string().parse::<f64>().unwrap());
            }
        }

        #[test]
        fn no_price_overflows(milli in 1..=Quantity::MAX_MILLI, price: i64) {
            let exact = i128::from(price) * i128::from(milli);
            let quantity = Quantity::from_milli(milli).unwrap();
            match quantity.cost(price) {
                // Off by less than half a minor unit, or by exactly half, and then upwards.
                Some(cost) => prop_assert!((-500..500).contains(&(exact - i128::from(cost) * 1000))),
                None => prop_assert!(exact.abs() / 1000 >= i128::from(i64::MAX) - 1),
            }
        }
    }
}
