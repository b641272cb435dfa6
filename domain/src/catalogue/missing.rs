//! What of the demands at closing a ticket does not have yet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    demand::{Demands, HANDOVER_FIELD, PhotoKind, READING_FIELD, RECEIPT_FIELDS},
    field::FieldSpec,
};

/// What a ticket has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// Photos by kind; one whose bytes are still on their way counts.
    pub photos: BTreeMap<PhotoKind, u32>,
    /// Lines of used material.
    pub material_lines: u32,
    /// Values of the fields of [`Demands::specs`].
    pub fields: Map<String, Value>,
    /// Keys of the checklist that were confirmed on a visit.
    pub checked: BTreeSet<String>,
    /// Whether the resident has agreed to the estimate that stands.
    pub agreed: bool,
}

impl Given {
    fn photos(&self, kind: PhotoKind) -> u32 {
        self.photos.get(&kind).copied().unwrap_or(0)
    }

    fn has(&self, key: &str) -> bool {
        match self.fields.get(key) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(_) => true,
        }
    }
}

/// Something that closing demands and the ticket does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum Missing {
    /// Photos of a kind.
    Photo {
        /// What they show.
        kind: PhotoKind,
        /// How many are demanded.
        needed: u32,
        /// How many there are.
        given: u32,
    },
    /// Used materials.
    Materials {},
    /// A reading: a photo of kind `reading`, or the field `reading`.
    Reading {},
    /// To whom and when the ticket was handed over: the field `handover`.
    Handover {},
    /// A receipt: a scan (a photo of kind `other`), or the named fields.
    Receipt {
        /// The fields that would do instead of a scan and are not given.
        keys: Vec<String>,
    },
    /// Items of the departure checklist.
    Checklist {
        /// The keys that were not confirmed.
        keys: Vec<String>,
    },
    /// The resident's word on an estimate.
    Estimate {},
    /// An own field.
    Field {
        /// Its key.
        key: String,
        /// Its name for a Russian reader.
        label_ru: String,
        /// Its name for an English reader.
        label_en: String,
    },
}

impl Missing {
    /// What to tell a Russian reader.
    pub fn message_ru(&self) -> String {
        match self {
            Self::Photo { kind, needed, given } => {
                format!("Не хватает фото «{}»: нужно {needed}, приложено {given}", kind.label_ru())
            }
            Self::Materials {} => "Не указаны использованные материалы".to_owned(),
            Self::Reading {} => "Нет показаний: нужно фото прибора или запись".to_owned(),
            Self::Handover {} => "Не указано, кому и когда передана заявка".to_owned(),
            Self::Receipt { .. } => "Нет квитанции: нужен скан или её реквизиты".to_owned(),
            Self::Checklist { .. } => "Не подтверждён список проверки перед выездом".to_owned(),
            Self::Estimate {} => "Нет согласия заявителя со сметой".to_owned(),
            Self::Field { label_ru, .. } => format!("Не заполнено поле «{label_ru}»"),
        }
    }

    /// What to tell an English reader.
    pub fn message_en(&self) -> String {
        match self {
            Self::Photo { kind, needed, given } => {
                format!("Photos are missing ({}): {needed} needed, {given} attached", kind.label_en())
            }
            Self::Materials {} => "No used materials are given".to_owned(),
            Self::Reading {} => "No reading: a photo of the instrument or a note is needed".to_owned(),
            Self::Handover {} => "It is not said to whom and when the ticket was handed over".to_owned(),
            Self::Receipt { .. } => "No receipt: a scan or its details are needed".to_owned(),
            Self::Checklist { .. } => "The departure checklist is not confirmed".to_owned(),
            Self::Estimate {} => "The resident has not agreed to an estimate".to_owned(),
            Self::Field { label_en, .. } => format!("The field \"{label_en}\" is empty"),
        }
    }
}

/// What of the demands is missing, in the order of the demands; empty when the ticket can be closed. This is the only
/// place that decides it: the service, the dispatcher's screen and the phone read the same list.
pub fn missing(demands: &Demands, given: &Given) -> Vec<Missing> {
    let mut missing = Vec::new();
    for photo in demands.photos().iter() {
        let (needed, has) = (u32::from(photo.count), given.photos(photo.kind));
        // An act signed by both sides on the phone is an act.
        let signed =
            given.photos(PhotoKind::SignatureResident) > 0 && given.photos(PhotoKind::SignatureCrew) > 0;
        if has < needed && !(photo.kind == PhotoKind::Act && signed) {
            missing.push(Missing::Photo { kind: photo.kind, needed, given: has });
        }
    }
    if demands.materials && given.material_lines == 0 {
        missing.push(Missing::Materials {});
    }
    let read = given.has(READING_FIELD);
    let shown = demands.reading_in.is_none() && given.photos(PhotoKind::Reading) > 0;
    if (demands.reading || demands.reading_in.is_some()) && !read && !shown {
        missing.push(Missing::Reading {});
    }
    if demands.handover && !given.has(HANDOVER_FIELD) {
        missing.push(Missing::Handover {});
    }
    if demands.receipt && given.photos(PhotoKind::Other) == 0 {
        let keys: Vec<String> = RECEIPT_FIELDS
            .iter()
            .filter(|(key, ..)| !given.has(key))
            .map(|(key, ..)| (*key).to_owned())
            .collect();
        if !keys.is_empty() {
            missing.push(Missing::Receipt { keys });
        }
    }
    let unchecked: Vec<String> = demands
        .checklist
        .iter()
        .filter(|item| !given.checked.contains(&item.key))
        .map(|item| item.key.clone())
        .collect();
    if !unchecked.is_empty() {
        missing.push(Missing::Checklist { keys: unchecked });
    }
    if demands.paid && !given.agreed {
        missing.push(Missing::Estimate {});
    }
    for spec in demands.fields.iter().filter(|spec| spec.required && !given.has(&spec.key)) {
        let FieldSpec { key, label_ru, label_en, .. } = spec.clone();
        missing.push(Missing::Field { key, label_ru, label_en });
    }
    missing
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::catalogue::{
        demand::PhotoDemand,
        field::{FieldKind, validate_fields},
    };

    fn fields(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

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
    fn everything_missing_is_listed_in_order_and_in_two_languages() {
        let given = Given { photos: BTreeMap::from([(PhotoKind::After, 1)]), ..Given::default() };
        let list = missing(&burst(), &given);
        assert_eq!(
            serde_json::to_value(&list).unwrap(),
            json!([
                { "what": "photo", "kind": "before", "needed": 1, "given": 0 },
                { "what": "photo", "kind": "after", "needed": 2, "given": 1 },
                { "what": "photo", "kind": "act", "needed": 1, "given": 0 },
                { "what": "materials" },
                { "what": "field", "key": "cause", "label_ru": "Причина", "label_en": "Cause" },
            ])
        );
        let russian: Vec<_> = list.iter().map(Missing::message_ru).collect();
        assert_eq!(russian[1], "Не хватает фото «после работ»: нужно 2, приложено 1");
        assert_eq!(russian[4], "Не заполнено поле «Причина»");
        assert_eq!(list[3].message_en(), "No used materials are given");
    }

    #[test]
    fn a_complete_ticket_misses_nothing() {
        let given = Given {
            photos: BTreeMap::from([(PhotoKind::Before, 1), (PhotoKind::After, 3), (PhotoKind::Act, 1)]),
            material_lines: 1,
            fields: fields(json!({ "cause": "износ" })),
            ..Given::default()
        };
        assert_eq!(missing(&burst(), &given), []);
        assert_eq!(missing(&Demands::default(), &Given::default()), []);
    }

    #[test]
    fn empty_values_are_not_given_and_false_is() {
        let demands = Demands { fields: vec![cause(true)], ..Demands::default() };
        for (value, count) in
            [(json!(null), 1), (json!(" \n"), 1), (json!("а"), 0), (json!(false), 0), (json!(0), 0)]
        {
            let given = Given { fields: fields(json!({ "cause": value })), ..Given::default() };
            assert_eq!(missing(&demands, &given).len(), count, "{value}");
        }
        let optional = Demands { fields: vec![cause(false)], ..Demands::default() };
        assert_eq!(missing(&optional, &Given::default()), []);
    }

    #[test]
    fn a_reading_is_a_photo_or_a_note() {
        let demands = Demands { reading: true, ..Demands::default() };
        assert_eq!(missing(&demands, &Given::default()), [Missing::Reading {}]);
        let photo = Given { photos: BTreeMap::from([(PhotoKind::Reading, 1)]), ..Given::default() };
        assert_eq!(missing(&demands, &photo), []);
        let note = Given { fields: fields(json!({ "reading": "38,5 °C" })), ..Given::default() };
        assert_eq!(missing(&demands, &note), []);
        validate_fields(&demands.specs(), &note.fields).unwrap();
        assert!(validate_fields(&Demands::default().specs(), &note.fields).is_err());
    }

    #[test]
    fn a_handover_is_a_note() {
        let demands = Demands { handover: true, ..Demands::default() };
        assert_eq!(missing(&demands, &Given::default()), [Missing::Handover {}]);
        let note = Given { fields: fields(json!({ "handover": "104, 12:40" })), ..Given::default() };
        assert_eq!(missing(&demands, &note), []);
        validate_fields(&demands.specs(), &note.fields).unwrap();
    }

    #[test]
    fn an_act_demanded_twice_is_missed_once() {
        let acts = vec![PhotoDemand { kind: PhotoKind::Act, count: 2 }];
        let demands = Demands { photos: acts, act: true, ..Demands::default() };
        let list = missing(&demands, &Given::default());
        assert_eq!(list, [Missing::Photo { kind: PhotoKind::Act, needed: 2, given: 0 }]);
    }

    #[test]
    fn a_receipt_is_a_scan_or_all_its_details() {
        let demands = Demands { receipt: true, ..Demands::default() };
        let scan = Given { photos: BTreeMap::from([(PhotoKind::Other, 1)]), ..Given::default() };
        assert_eq!(missing(&demands, &scan), []);
        let mut details = fields(json!({
            "receipt_date": "2026-11-20", "receipt_receiver": "Почта, отделение 5, касса 2", "receipt_payee": "ООО «Сеть»",
            "receipt_sum": 350.5, "receipt_account": "40817", "receipt_address": "ул. Ленина, 5", "receipt_name": "Петров П. П.",
        }));
        validate_fields(&demands.specs(), &details).unwrap();
        assert_eq!(missing(&demands, &Given { fields: details.clone(), ..Given::default() }), []);
        details.remove("receipt_sum");
        let list = missing(&demands, &Given { fields: details, ..Given::default() });
        assert_eq!(list, [Missing::Receipt { keys: vec!["receipt_sum".into()] }]);
    }

    fn any_given() -> impl Strategy<Value = Given> {
        (0u32..3, 0u32..4, 0u32..3, 0u32..2, prop::option::of("[а-я ]{0,3}")).prop_map(
            |(before, after, act, lines, cause)| Given {
                photos: BTreeMap::from([
                    (PhotoKind::Before, before),
                    (PhotoKind::After, after),
                    (PhotoKind::Act, act),
                ]),
                material_lines: lines,
                fields: cause.into_iter().map(|cause| ("cause".to_owned(), Value::String(cause))).collect(),
                checked: BTreeSet::new(),
                agreed: false,
            },
        )
    }

    proptest! {
        #[test]
        fn adding_what_is_missing_leaves_nothing_missing(given in any_given()) {
            let mut given = given;
            for missing in missing(&burst(), &given) {
                match missing {
                    Missing::Photo { kind, needed, .. } => { given.photos.insert(kind, needed); }
                    Missing::Materials {} => given.material_lines += 1,
                    Missing::Checklist { keys } => given.checked.extend(keys),
                    Missing::Estimate {} => given.agreed = true,
                    Missing::Field { key, .. } => { given.fields.insert(key, "есть".into()); }
                    other => prop_assert!(false, "not demanded: {other:?}"),
                }
            }
            prop_assert_eq!(missing(&burst(), &given), []);
        }
    }
}
