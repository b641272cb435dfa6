//! Own fields of a request type: what a technician fills in when he closes such a ticket.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use crate::{Error, Result, text::limited::clean_text};

/// An own field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// Its name in data: 1 to 40 Latin letters, digits and underscores, beginning with a letter, `meter_number`.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$")]
    pub key: String,
    /// Its name for a Russian reader, 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub label_ru: String,
    /// Its name for an English reader, 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub label_en: String,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether closing demands it.
    #[serde(default)]
    pub required: bool,
}

/// What an own field takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldKind {
    /// A text; line breaks are allowed.
    Text {
        /// The most characters, 1 to 4000.
        #[schema(minimum = 1, maximum = 4000)]
        max: u32,
    },
    /// A whole number.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A number with at most three decimals, `38.5`.
    Decimal {
        /// The least, in thousandths.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_milli: Option<i64>,
        /// The greatest, in thousandths.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_milli: Option<i64>,
        /// What it is measured in, to be shown beside it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(max_length = 20)]
        unit: Option<String>,
    },
    /// True or false.
    Boolean {},
    /// One of the options, by its value.
    Choice {
        /// The options, at least one.
        #[schema(min_items = 1)]
        options: Vec<ChoiceOption>,
    },
    /// A calendar date, `2026-11-20`.
    Date {},
}

impl FieldKind {
    /// A number without bounds.
    pub fn decimal() -> Self {
        Self::Decimal { min_milli: None, max_milli: None, unit: None }
    }
}

/// Thousandths as a decimal.
fn decimal(milli: i64) -> String {
    let sign = if milli < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:03}", milli.unsigned_abs() / 1000, milli.unsigned_abs() % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An option of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceOption {
    /// Its value in data, by the same rule as the key of a field.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$")]
    pub value: String,
    /// Its name for a Russian reader, 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub label_ru: String,
    /// Its name for an English reader, 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub label_en: String,
}

/// The longest text of an own field, in characters.
const TEXT_LIMIT: u32 = 4_000;

impl FieldSpec {
    /// Checks a definition that came from outside; `path` is where it stands in the request.
    ///
    /// # Errors
    /// `invalid_field` naming the part of the definition.
    pub fn check(&self, path: &str) -> Result<()> {
        check_key(&format!("{path}.key"), &self.key)?;
        check_label(&format!("{path}.label_ru"), &self.label_ru)?;
        check_label(&format!("{path}.label_en"), &self.label_en)?;
        match &self.kind {
            FieldKind::Text { max } if !(1..=TEXT_LIMIT).contains(max) => {
                Err(Error::field(format!("{path}.kind.max"), format!("must be from 1 to {TEXT_LIMIT}")))
            }
            FieldKind::Integer { min, max } if min > max => {
                Err(Error::field(format!("{path}.kind.max"), "must not be less than min"))
            }
            FieldKind::Decimal { min_milli: Some(min), max_milli: Some(max), .. } if min > max => {
                Err(Error::field(format!("{path}.kind.max_milli"), "must not be less than min_milli"))
            }
            FieldKind::Decimal { unit: Some(unit), .. } if unit.is_empty() || unit.chars().count() > 20 => {
                Err(Error::field(format!("{path}.kind.unit"), "must have 1 to 20 characters"))
            }
            FieldKind::Choice { options } => check_options(&format!("{path}.kind.options"), options),
            _ => Ok(()),
        }
    }
}

fn check_options(path: &str, options: &[ChoiceOption]) -> Result<()> {
    if options.is_empty() {
        return Err(Error::field(path, "must have at least one option"));
    }
    for (at, option) in options.iter().enumerate() {
        check_key(&format!("{path}[{at}].value"), &option.value)?;
        check_label(&format!("{path}[{at}].label_ru"), &option.label_ru)?;
        check_label(&format!("{path}[{at}].label_en"), &option.label_en)?;
        if options[..at].iter().any(|earlier| earlier.value == option.value) {
            return Err(Error::field(format!("{path}[{at}].value"), "an earlier option has this value"));
        }
    }
    Ok(())
}

pub(super) fn check_key(path: &str, key: &str) -> Result<()> {
    let plain = key.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if plain && (1..=40).contains(&key.len()) && key.starts_with(|c: char| c.is_ascii_lowercase()) {
        Ok(())
    } else {
        Err(Error::field(path, "must be 1 to 40 of a-z, 0-9 and _, beginning with a letter"))
    }
}

pub(super) fn check_label(path: &str, label: &str) -> Result<()> {
    crate::text::Line::<120>::parse(label).map(drop).map_err(|fault| Error::field(path, fault.to_string()))
}

/// Checks values given for own fields. An absent or null value is nothing given; what is demanded but not given is told
/// by [`missing`](super::missing::missing).
///
/// # Errors
/// `invalid_field` naming `fields.<key>` for the first key that no spec has, or value of another type.
pub fn validate_fields(specs: &[FieldSpec], given: &Map<String, Value>) -> Result<()> {
    for (key, value) in given {
        let fault = match specs.iter().find(|spec| spec.key == *key) {
            None => Some("this kind of request has no such field".to_owned()),
            Some(_) if value.is_null() => None,
            Some(spec) => fault(&spec.kind, value),
        };
        if let Some(fault) = fault {
            return Err(Error::field(format!("fields.{key}"), fault));
        }
    }
    Ok(())
}

/// What is wrong with a value.
fn fault(kind: &FieldKind, value: &Value) -> Option<String> {
    match (kind, value) {
        // An empty text is nothing given: forms send it.
        (FieldKind::Text { .. }, Value::String(text)) if text.trim().is_empty() => None,
        (FieldKind::Text { max }, Value::String(text)) => {
            clean_text(text, *max as usize).err().map(|fault| fault.to_string())
        }
        (FieldKind::Text { .. }, _) => Some("must be a text".to_owned()),
        (FieldKind::Integer { min, max }, value) => {
            let fits = value.as_i64().is_some_and(|number| (*min..=*max).contains(&number));
            (!fits).then(|| format!("must be a whole number from {min} to {max}"))
        }
        (FieldKind::Decimal { min_milli, max_milli, .. }, value) => match thousandths(value) {
            None => Some("must be a number with at most three decimals".to_owned()),
            Some(milli) if min_milli.is_some_and(|min| milli < min) => {
                Some(format!("must be at least {}", decimal(min_milli.unwrap_or_default())))
            }
            Some(milli) if max_milli.is_some_and(|max| milli > max) => {
                Some(format!("must be at most {}", decimal(max_milli.unwrap_or_default())))
            }
            Some(_) => None,
        },
        (FieldKind::Boolean {}, value) => (!value.is_boolean()).then(|| "must be true or false".to_owned()),
        (FieldKind::Choice { options }, value) => {
            let known =
                value.as_str().is_some_and(|value| options.iter().any(|option| option.value == value));
            (!known).then(|| {
                let values: Vec<&str> = options.iter().map(|option| option.value.as_str()).collect();
                format!("must be one of: {}", values.join(", "))
            })
        }
        (FieldKind::Date {}, value) => {
            // The length, because chrono also reads `2026-1-5`.
            let date = value
                .as_str()
                .filter(|text| text.len() == 10)
                .is_some_and(|t| t.parse::<NaiveDate>().is_ok());
            (!date).then(|| "must be a date such as 2026-11-20".to_owned())
        }
    }
}

/// The thousandths in a JSON number: 38500 for `38.5`. `None` for more than three decimals, more than nine digits before
/// the point, or anything that is not a number.
pub fn thousandths(value: &Value) -> Option<i64> {
    let text = value.as_number().map(Number::to_string)?;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !plain(whole) || !plain(decimals) || whole.len() > 9 || decimals.len() > 3 {
        return None;
    }
    Some(sign * format!("{whole}{decimals:0<3}").parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn spec(key: &str, kind: FieldKind) -> FieldSpec {
        FieldSpec {
            key: key.into(),
            label_ru: "Поле".into(),
            label_en: "Field".into(),
            kind,
            required: false,
        }
    }

    fn option(value: &str) -> ChoiceOption {
        ChoiceOption { value: value.into(), label_ru: "Вариант".into(), label_en: "Option".into() }
    }

    fn specs() -> Vec<FieldSpec> {
        vec![
            spec("remark", FieldKind::Text { max: 5 }),
            spec("count", FieldKind::Integer { min: 1, max: 9 }),
            spec("degrees", FieldKind::decimal()),
            spec("sealed", FieldKind::Boolean {}),
            spec("cause", FieldKind::Choice { options: vec![option("wear"), option("damage")] }),
            spec("next_check", FieldKind::Date {}),
        ]
    }

    fn validate(value: Value) -> Result<()> {
        validate_fields(&specs(), &serde_json::from_value(value).unwrap())
    }

    #[test]
    fn values_of_the_right_type_pass() {
        assert!(validate(json!({})).is_ok());
        let full = json!({
            "remark": "а\nбвг", "count": 9, "degrees": -38.5, "sealed": false, "cause": "wear", "next_check": "2028-02-29",
        });
        assert!(validate(full).is_ok());
        let empty = json!({
            "remark": " ", "count": null, "degrees": null, "sealed": null, "cause": null, "next_check": null,
        });
        assert!(validate(empty).is_ok());
        assert!(validate(json!({ "degrees": 0.001 })).is_ok());
        assert!(validate(json!({ "degrees": 38 })).is_ok());
    }

    #[test]
    fn faults_name_the_field() {
        for (value, field, message) in [
            (json!({ "colour": "red" }), "fields.colour", "this kind of request has no such field"),
            (json!({ "colour": null }), "fields.colour", "this kind of request has no such field"),
            (json!({ "remark": "абвгде" }), "fields.remark", "must have at most 5 characters, has 6"),
            (json!({ "remark": "а\u{0}" }), "fields.remark", "must not contain the control character U+0000"),
            (json!({ "remark": 5 }), "fields.remark", "must be a text"),
            (json!({ "count": 10 }), "fields.count", "must be a whole number from 1 to 9"),
            (json!({ "count": 1.5 }), "fields.count", "must be a whole number from 1 to 9"),
            (json!({ "count": "1" }), "fields.count", "must be a whole number from 1 to 9"),
            (json!({ "degrees": 0.0001 }), "fields.degrees", "must be a number with at most three decimals"),
            (json!({ "degrees": "38.5" }), "fields.degrees", "must be a number with at most three decimals"),
            (json!({ "sealed": 1 }), "fields.sealed", "must be true or false"),
            (json!({ "cause": "rust" }), "fields.cause", "must be one of: wear, damage"),
            (json!({ "next_check": "2026-02-29" }), "fields.next_check", "must be a date such as 2026-11-20"),
            (json!({ "next_check": "2026-1-5" }), "fields.next_check", "must be a date such as 2026-11-20"),
        ] {
            let error = validate(value).unwrap_err();
            assert_eq!(
                (error.fields()[0].field.as_str(), error.fields()[0].message.as_str()),
                (field, message)
            );
        }
    }

    #[test]
    fn definitions_are_checked() {
        for spec in specs() {
            spec.check("fields[0]").unwrap();
        }
        let mut unlabelled = spec("a", FieldKind::Boolean {});
        unlabelled.label_en = " ".into();
        for (spec, field) in [
            (spec("", FieldKind::Boolean {}), "f.key"),
            (spec("Ключ", FieldKind::Boolean {}), "f.key"),
            (spec("9a", FieldKind::Boolean {}), "f.key"),
            (spec(&"a".repeat(41), FieldKind::Boolean {}), "f.key"),
            (unlabelled, "f.label_en"),
            (spec("a", FieldKind::Text { max: 0 }), "f.kind.max"),
            (spec("a", FieldKind::Text { max: 4_001 }), "f.kind.max"),
            (spec("a", FieldKind::Integer { min: 2, max: 1 }), "f.kind.max"),
            (spec("a", FieldKind::Choice { options: vec![] }), "f.kind.options"),
            (
                spec("a", FieldKind::Choice { options: vec![option("a"), option("a")] }),
                "f.kind.options[1].value",
            ),
        ] {
            assert_eq!(spec.check("f").unwrap_err().fields()[0].field, field);
        }
    }

    #[test]
    fn json_round_trips_and_is_strict() {
        for spec in specs() {
            let json = serde_json::to_value(&spec).unwrap();
            assert_eq!(serde_json::from_value::<FieldSpec>(json.clone()).unwrap(), spec);
            let mut more = json.clone();
            more["kind"]["more"] = 1.into();
            assert!(serde_json::from_value::<FieldSpec>(more).is_err(), "{json}");
        }
        assert_eq!(serde_json::to_value(FieldKind::decimal()).unwrap(), json!({ "type": "decimal" }));
    }

    proptest! {
        #[test]
        fn thousandths_are_exact(number in -999_999_999_999i64..=999_999_999_999) {
            let text = format!("{}{}.{:03}", if number < 0 { "-" } else { "" }, number.abs() / 1_000, number.abs() % 1_000);
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(thousandths(&value), Some(number));
        }

        #[test]
        fn no_number_breaks_it(number in any::<f64>()) {
            if let Some(found) = thousandths(&json!(number)) {
                prop_assert_eq!(found as f64 / 1_000.0, number);
            }
        }
    }
}
