//! What closing a ticket of a kind demands (R38).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::field::{FieldKind, FieldSpec, check_key, check_label};
use crate::{Error, Result};

/// What a photo shows.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    sea_orm::EnumIter,
    sea_orm::DeriveActiveEnum,
)]
#[serde(rename_all = "snake_case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "snake_case")]
pub enum PhotoKind {
    /// The place before the work.
    Before,
    /// The place after the work.
    After,
    /// A signed act.
    Act,
    /// A meter or another instrument.
    Reading,
    /// A closed door, or another proof that there was no access.
    NoAccess,
    /// Anything else, a scan of a receipt among them.
    Other,
    /// The resident's signature, a picture.
    SignatureResident,
    /// The signature of whoever did the work, a picture.
    SignatureCrew,
    /// A document, PDF.
    Document,
    /// A spoken note.
    Voice,
}

impl PhotoKind {
    /// Its name for a Russian reader.
    pub fn label_ru(self) -> &'static str {
        match self {
            Self::Before => "до работ",
            Self::After => "после работ",
            Self::Act => "акт",
            Self::Reading => "показания",
            Self::NoAccess => "нет доступа",
            Self::Other => "прочее",
            Self::SignatureResident => "подпись заявителя",
            Self::SignatureCrew => "подпись исполнителя",
            Self::Document => "документ",
            Self::Voice => "голосовая заметка",
        }
    }

    /// Its name for an English reader.
    pub fn label_en(self) -> &'static str {
        match self {
            Self::Before => "before the work",
            Self::After => "after the work",
            Self::Act => "act",
            Self::Reading => "reading",
            Self::NoAccess => "no access",
            Self::Other => "other",
            Self::SignatureResident => "signature of the resident",
            Self::SignatureCrew => "signature of the crew",
            Self::Document => "document",
            Self::Voice => "voice note",
        }
    }
}

/// So many photos of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhotoDemand {
    /// What they show.
    pub kind: PhotoKind,
    /// How many, from 1.
    #[schema(minimum = 1)]
    pub count: u8,
}

/// What closing demands; stands in the version of the request type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Demands {
    /// Photos, each kind once.
    pub photos: Vec<PhotoDemand>,
    /// At least one line of used material.
    pub materials: bool,
    /// A photo or a scan of the signed act, or the signatures of both sides, from which the act is made.
    pub act: bool,
    /// A photo of the instrument, or the field `reading`.
    pub reading: bool,
    /// What the reading is measured in, and between which bounds it lies; then the field `reading` is demanded, and is a
    /// number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading_in: Option<ReadingIn>,
    /// What the crew checks before it sets out (R22): tools and materials, service ID, badge, shoe covers. Each item is
    /// confirmed on a visit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<CheckItem>,
    /// The work is paid for: it begins when the resident has agreed to an estimate, and comes to no more than that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paid: bool,
    /// The field `handover`: to whom and when the ticket was handed over.
    pub handover: bool,
    /// A scan (a photo of kind `other`), or the fields `receipt_date`, `receipt_receiver`, `receipt_payee`, `receipt_sum`, `receipt_account`,
    /// `receipt_address` and `receipt_name` (R83).
    pub receipt: bool,
    /// Own fields.
    pub fields: Vec<FieldSpec>,
}

/// What a reading is measured in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadingIn {
    /// The unit: «м³», «°C».
    #[schema(min_length = 1, max_length = 20)]
    pub unit: String,
    /// The least, in thousandths.
    #[serde(default)]
    pub min_milli: Option<i64>,
    /// The greatest, in thousandths.
    #[serde(default)]
    pub max_milli: Option<i64>,
}

/// An item of the departure checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckItem {
    /// Its name in data, by the same rule as the key of a field.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$")]
    pub key: String,
    /// What is checked, for a Russian reader, 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub label_ru: String,
    /// What is checked, for an English reader, 1 to 120 characters.
    #[schema(min_length = 1, max_length = 120)]
    pub label_en: String,
}

/// The departure checklist of the dispatch service's rules (R22), for a type that wants it.
pub fn departure_checklist() -> Vec<CheckItem> {
    [
        ("tools", "Инструмент и материалы", "Tools and materials"),
        ("service_id", "Служебное удостоверение", "Service ID"),
        ("badge", "Бейдж: организация, имя, специальность", "Badge: company, name, trade"),
        ("shoe_covers", "Бахилы", "Shoe covers"),
    ]
    .map(|(key, label_ru, label_en)| CheckItem {
        key: key.to_owned(),
        label_ru: label_ru.to_owned(),
        label_en: label_en.to_owned(),
    })
    .into()
}

/// The field that holds a reading without a photo.
pub const READING_FIELD: &str = "reading";
/// The field that holds to whom and when a ticket was handed over.
pub const HANDOVER_FIELD: &str = "handover";

/// What is written down of a receipt that was not scanned: key, name in Russian, name in English.
pub const RECEIPT_FIELDS: [(&str, &str, &str); 7] = [
    ("receipt_date", "Дата оплаты", "Date of payment"),
    (
        "receipt_receiver",
        "Где оплачено: банк или почта, отделение, адрес, касса",
        "Bank or post, branch, address, desk",
    ),
    ("receipt_payee", "Получатель платежа", "Payee"),
    ("receipt_sum", "Сумма, руб.", "Sum, roubles"),
    ("receipt_account", "Лицевой счёт", "Account"),
    ("receipt_address", "Адрес абонента", "Address of the subscriber"),
    ("receipt_name", "ФИО плательщика", "Name of the payer"),
];

impl Demands {
    /// Every field that a ticket of this kind takes: its own ones, and those by which a reading, a hand-over or a receipt
    /// is given, unless an own field has that key.
    pub fn specs(&self) -> Vec<FieldSpec> {
        let mut specs = self.fields.clone();
        let mut add = |key: &str, label_ru: &str, label_en: &str, kind: FieldKind| {
            if !specs.iter().any(|spec| spec.key == key) {
                let (key, label_ru, label_en) = (key.to_owned(), label_ru.to_owned(), label_en.to_owned());
                specs.push(FieldSpec { key, label_ru, label_en, kind, required: false });
            }
        };
        match &self.reading_in {
            Some(ReadingIn { unit, min_milli, max_milli }) => add(
                READING_FIELD,
                "Показания",
                "Reading",
                FieldKind::Decimal { min_milli: *min_milli, max_milli: *max_milli, unit: Some(unit.clone()) },
            ),
            None if self.reading => add(READING_FIELD, "Показания", "Reading", FieldKind::Text { max: 200 }),
            None => {}
        }
        if self.handover {
            add(
                HANDOVER_FIELD,
                "Кому и когда передано",
                "Handed over to whom and when",
                FieldKind::Text { max: 500 },
            );
        }
        if self.receipt {
            for (key, label_ru, label_en) in RECEIPT_FIELDS {
                let kind = match key {
                    "receipt_date" => FieldKind::Date {},
                    "receipt_sum" => FieldKind::decimal(),
                    _ => FieldKind::Text { max: 300 },
                };
                add(key, label_ru, label_en, kind);
            }
        }
        specs
    }

    /// Checks demands that came from outside; `path` is where they stand in the request.
    ///
    /// # Errors
    /// `invalid_field` naming the part: a photo count of 0, a kind or key twice, a field badly defined.
    pub fn check(&self, path: &str) -> Result<()> {
        for (at, photo) in self.photos.iter().enumerate() {
            if photo.count == 0 {
                return Err(Error::field(format!("{path}.photos[{at}].count"), "must be at least 1"));
            }
            if self.photos[..at].iter().any(|earlier| earlier.kind == photo.kind) {
                return Err(Error::field(
                    format!("{path}.photos[{at}].kind"),
                    "an earlier demand has this kind",
                ));
            }
        }
        if let Some(ReadingIn { unit, min_milli, max_milli }) = &self.reading_in {
            let kind =
                FieldKind::Decimal { min_milli: *min_milli, max_milli: *max_milli, unit: Some(unit.clone()) };
            let spec = FieldSpec {
                key: READING_FIELD.to_owned(),
                label_ru: "Показания".to_owned(),
                label_en: "Reading".to_owned(),
                kind,
                required: true,
            };
            spec.check(&format!("{path}.reading_in"))?;
        }
        for (at, item) in self.checklist.iter().enumerate() {
            let path = format!("{path}.checklist[{at}]");
            check_key(&format!("{path}.key"), &item.key)?;
            check_label(&format!("{path}.label_ru"), &item.label_ru)?;
            check_label(&format!("{path}.label_en"), &item.label_en)?;
            if self.checklist[..at].iter().any(|earlier| earlier.key == item.key) {
                return Err(Error::field(format!("{path}.key"), "an earlier item has this key"));
            }
        }
        for (at, field) in self.fields.iter().enumerate() {
            field.check(&format!("{path}.fields[{at}]"))?;
            if self.fields[..at].iter().any(|earlier| earlier.key == field.key) {
                return Err(Error::field(
                    format!("{path}.fields[{at}].key"),
                    "an earlier field has this key",
                ));
            }
        }
        Ok(())
    }

    /// The photos demanded, the act among them.
    pub(super) fn photos(&self) -> Cow<'_, [PhotoDemand]> {
        if self.act && !self.photos.iter().any(|photo| photo.kind == PhotoKind::Act && photo.count > 0) {
            let mut photos = self.photos.clone();
            photos.push(PhotoDemand { kind: PhotoKind::Act, count: 1 });
            Cow::Owned(photos)
        } else {
            Cow::Borrowed(&self.photos)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn cause(required: bool) -> FieldSpec {
        let kind = FieldKind::Text { max: 100 };
        FieldSpec {
            key: "cause".into(),
            label_ru: "Причина".into(),
            label_en: "Cause".into(),
            kind,
            required,
        }
    }

    fn burst() -> Demands {
        Demands {
            photos: vec![
                PhotoDemand { kind: PhotoKind::Before, count: 1 },
                PhotoDemand { kind: PhotoKind::After, count: 2 },
            ],
            materials: true,
            act: true,
            fields: vec![cause(true)],
            ..Demands::default()
        }
    }

    #[test]
    fn demands_from_outside_are_checked() {
        burst().check("demands").unwrap();
        let photo = |kind, count| PhotoDemand { kind, count };
        let demands = |photos: Vec<PhotoDemand>, fields: Vec<FieldSpec>| Demands {
            photos,
            fields,
            ..Demands::default()
        };
        for (demands, field) in [
            (demands(vec![photo(PhotoKind::Act, 0)], vec![]), "d.photos[0].count"),
            (demands(vec![photo(PhotoKind::Act, 1), photo(PhotoKind::Act, 1)], vec![]), "d.photos[1].kind"),
            (demands(vec![], vec![cause(true), cause(false)]), "d.fields[1].key"),
            (demands(vec![], vec![FieldSpec { key: "A".into(), ..cause(true) }]), "d.fields[0].key"),
        ] {
            assert_eq!(demands.check("d").unwrap_err().fields()[0].field, field);
        }
    }

    #[test]
    fn json_round_trips_and_is_strict() {
        let json = serde_json::to_value(burst()).unwrap();
        assert_eq!(serde_json::from_value::<Demands>(json).unwrap(), burst());
        assert_eq!(serde_json::from_str::<Demands>("{}").unwrap(), Demands::default());
        assert!(serde_json::from_str::<Demands>(r#"{"photo":[]}"#).is_err());
        assert!(serde_json::from_str::<Demands>(r#"{"photos":[{"kind":"selfie","count":1}]}"#).is_err());
    }

    #[test]
    fn a_kind_of_photo_has_one_name_in_json_and_in_the_database() {
        use sea_orm::{ActiveEnum as _, Iterable as _};
        for kind in PhotoKind::iter() {
            assert_eq!(serde_json::to_value(kind).unwrap(), Value::String(kind.to_value()));
            assert_eq!(PhotoKind::try_from_value(&kind.to_value()), Ok(kind));
        }
        assert_eq!(PhotoKind::NoAccess.to_value(), "no_access");
    }
}
