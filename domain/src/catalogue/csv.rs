//! The catalogue that a new organization begins with (R28).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    amount::Amount,
    demand::{Demands, PhotoDemand, PhotoKind},
    field::{ChoiceOption, FieldKind, FieldSpec},
    hours::Clock,
    term::Term,
};
use crate::{Error, Result, text::Text};

const FILE: &str = include_str!("request-types.csv");

/// The branch of the business that a kind of work belongs to.
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
#[serde(rename_all = "kebab-case")]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "kebab-case")]
pub enum Category {
    /// Cold water.
    ColdWater,
    /// Hot water.
    HotWater,
    /// Sewage.
    Sewage,
    /// Heating.
    Heating,
    /// Electricity.
    Electricity,
    /// Gas.
    Gas,
    /// Lifts.
    Lift,
    /// Refuse chutes.
    Refuse,
    /// Doors, locks, door phones.
    Access,
    /// Walls, roofs, windows.
    Building,
    /// Cleaning and pest control.
    Cleaning,
    /// Fire safety.
    Safety,
    /// The yard and its grounds.
    Yard,
    /// Meters.
    Metering,
    /// Paid works.
    Paid,
    /// Written appeals and complaints.
    Appeal,
    /// Questions to the hotline.
    Hotline,
    /// Cable television.
    CableTv,
}

/// What the applicant is told, and must agree to, before a ticket of the kind is registered (R81).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Precondition {
    /// What to tell in Russian.
    pub text_ru: Text<1000>,
    /// What to tell in English.
    pub text_en: Text<1000>,
    /// Whom it concerns.
    pub only_for: Audience,
}

/// Whom a precondition concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Every applicant.
    Everyone,
    /// Disabled applicants only.
    Disabled,
}

/// A kind of work in the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueEntry {
    /// Its stable code, `HVS-BURST`.
    pub code: String,
    /// The branch it belongs to.
    pub category: Category,
    /// Its name for a Russian reader.
    pub name_ru: String,
    /// Its name for an English reader.
    pub name_en: String,
    /// Whether the emergency service goes at once.
    pub emergency: bool,
    /// Within what the damage is localized.
    pub localize: Option<Amount>,
    /// Within what the work is done or the answer given.
    pub resolve: Option<Term>,
    /// Within what the quality of the utility is checked on site.
    pub check_visit: Option<Amount>,
    /// When the terms count.
    pub clock: Clock,
    /// What closing demands.
    pub demands: Demands,
    /// Where the figures come from: a government resolution, a standard, or our default.
    pub basis: String,
    /// What the applicant must be told first; the file has none, organizations add them.
    pub precondition: Option<Precondition>,
}

/// The catalogue that comes with the service.
///
/// # Errors
/// `internal`, naming line and column: the file in the program is damaged.
pub fn default_catalogue() -> Result<Vec<CatalogueEntry>> {
    parse(FILE)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: String,
    category: Category,
    name_ru: String,
    name_en: String,
    emergency: String,
    localize: String,
    resolve: String,
    check_visit: String,
    clock: String,
    evidence: String,
    basis: String,
}

fn parse(file: &str) -> Result<Vec<CatalogueEntry>> {
    let mut entries: Vec<CatalogueEntry> = Vec::new();
    let mut reader = ::csv::Reader::from_reader(file.as_bytes());
    for (at, row) in reader.deserialize::<Row>().enumerate() {
        // The header is line 1.
        let line = at + 2;
        let entry = row
            .map_err(|fault| fault.to_string())
            .and_then(|row| {
                if entries.iter().any(|e| e.code == row.code) {
                    Err("code: twice".into())
                } else {
                    entry(row)
                }
            })
            .map_err(|fault| Error::internal(format!("request-types.csv, line {line}, {fault}")))?;
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: Row) -> Result<CatalogueEntry, String> {
    let emergency = match row.emergency.as_str() {
        "yes" => true,
        "no" => false,
        other => return Err(format!("emergency: {other:?} is neither yes nor no")),
    };
    let demands = demands(&row.evidence).map_err(|fault| format!("evidence: {fault}"))?;
    Ok(CatalogueEntry {
        emergency,
        localize: optional("localize", &row.localize, Amount::parse)?,
        resolve: optional("resolve", &row.resolve, Term::parse)?,
        check_visit: optional("check_visit", &row.check_visit, Amount::parse)?,
        clock: Clock::parse(&row.clock).map_err(|fault| format!("clock: {fault}"))?,
        demands,
        code: row.code,
        category: row.category,
        name_ru: row.name_ru,
        name_en: row.name_en,
        basis: row.basis,
        precondition: None,
    })
}

fn optional<T, E: ToString>(
    column: &str,
    cell: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    parse(cell).map(Some).map_err(|fault| format!("{column}: {}", fault.to_string()))
}

/// Reads `photo_before+materials+act`.
fn demands(evidence: &str) -> Result<Demands, String> {
    let mut demands = Demands::default();
    for word in evidence.split('+').filter(|word| !word.is_empty()) {
        let photo = |kind| PhotoDemand { kind, count: 1 };
        match word {
            "photo_before" => demands.photos.push(photo(PhotoKind::Before)),
            "photo_after" => demands.photos.push(photo(PhotoKind::After)),
            "materials" => demands.materials = true,
            "act" => demands.act = true,
            "reading" => demands.reading = true,
            "handover" => demands.handover = true,
            "receipt" => demands.receipt = true,
            "payment" => demands.fields.push(payment()),
            "answer" => {
                demands.fields.push(text(
                    "answer",
                    "Ответ заявителю",
                    "Answer to the applicant",
                    4_000,
                    true,
                ));
            }
            // R82: the reason and where the client goes; and the answer to the offer of a cheaper plan, if one was made.
            "reason_for_leaving" => demands.fields.extend([
                text("reason_for_leaving", "Причина отключения", "Reason for leaving", 500, true),
                text("leaves_for", "К какому оператору уходит", "Where the client goes", 200, true),
                text(
                    "cheaper_plan_answer",
                    "Ответ на предложение тарифа дешевле",
                    "Answer to a cheaper plan",
                    500,
                    false,
                ),
            ]),
            other => return Err(format!("{other:?} is not known")),
        }
    }
    demands.check("demands").map_err(|fault| fault.to_string())?;
    Ok(demands)
}

fn text(key: &str, label_ru: &str, label_en: &str, max: u32, required: bool) -> FieldSpec {
    FieldSpec {
        key: key.to_owned(),
        label_ru: label_ru.to_owned(),
        label_en: label_en.to_owned(),
        kind: FieldKind::Text { max },
        required,
    }
}

/// The mark of payment of a paid work (R39).
fn payment() -> FieldSpec {
    let options = [
        ("cash", "Наличными", "Cash"),
        ("card", "Картой", "By card"),
        ("invoice", "По счёту или квитанции", "By invoice"),
        ("not_paid", "Не оплачено", "Not paid"),
    ];
    FieldSpec {
        key: "payment".to_owned(),
        label_ru: "Оплата".to_owned(),
        label_en: "Payment".to_owned(),
        kind: FieldKind::Choice {
            options: options
                .map(|(value, label_ru, label_en)| ChoiceOption {
                    value: value.to_owned(),
                    label_ru: label_ru.to_owned(),
                    label_en: label_en.to_owned(),
                })
                .into(),
        },
        required: true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::catalogue::{
        amount::Unit,
        missing::{Given, missing},
    };

    fn find(code: &str) -> CatalogueEntry {
        default_catalogue().unwrap().into_iter().find(|entry| entry.code == code).unwrap()
    }

    #[test]
    fn every_row_of_the_file_is_read() {
        let entries = default_catalogue().unwrap();
        assert_eq!(entries.len(), 51);
        assert_eq!(FILE.lines().count(), 52);
        let codes: BTreeSet<_> = entries.iter().map(|entry| entry.code.as_str()).collect();
        assert_eq!(codes.len(), 51);
        for entry in &entries {
            assert!(
                !entry.name_ru.is_empty() && !entry.name_en.is_empty() && !entry.basis.is_empty(),
                "{}",
                entry.code
            );
            assert_eq!(entry.precondition, None);
        }
    }

    #[test]
    fn every_word_of_evidence_demands_something() {
        let words: BTreeSet<_> = ::csv::Reader::from_reader(FILE.as_bytes())
            .deserialize::<Row>()
            .flat_map(|row| row.unwrap().evidence.split('+').map(str::to_owned).collect::<Vec<_>>())
            .filter(|word| !word.is_empty())
            .collect();
        assert_eq!(words.len(), 10);
        for word in words {
            assert_ne!(missing(&demands(&word).unwrap(), &Given::default()), [], "{word}");
        }
    }

    #[test]
    fn rows_say_what_the_file_says() {
        let burst = find("HVS-BURST");
        assert_eq!(burst.category, Category::ColdWater);
        assert!(burst.emergency);
        assert_eq!(burst.localize, Some(Amount::new(1_800, Unit::Seconds).unwrap()));
        assert_eq!(burst.resolve, Some(Term::parse("P3D").unwrap()));
        assert_eq!((burst.demands.photos.len(), burst.demands.materials, burst.demands.act), (2, true, true));

        let pressure = find("HVS-PRES");
        assert!(!pressure.emergency);
        assert_eq!(pressure.check_visit, Some(Amount::parse("PT2H").unwrap()));
        assert_eq!(find("CHUTE-BLOCK").clock, Clock::parse("08:00-23:00").unwrap());
        assert_eq!(find("GLASS").resolve.unwrap().seasons.len(), 1);
        assert_eq!(find("METER").clock, Clock::Slot);
        assert_eq!(find("SEW-SMELL").demands, Demands::default());
        assert!(find("GAS-SMELL").demands.handover);
        assert_eq!(find("GAS-SMELL").name_en, "Smell of gas, hand over to 104 or 112");
        assert_eq!(find("PAID").demands.fields[0].key, "payment");
        assert_eq!(find("TV-RECEIPT").clock, Clock::parse("Mo-Fr 10:00-19:00; Sa 11:00-18:00").unwrap());
    }

    #[test]
    fn a_damaged_file_names_line_and_column() {
        let header = FILE.lines().next().unwrap();
        let read = |row: &str| {
            let error = parse(&format!("{header}\n{row}\n")).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        for (row, column) in [
            ("A,cold-water,А,A,maybe,,,,always,,default", "line 2, emergency: "),
            ("A,cold-water,А,A,no,P1W,,,always,,default", "line 2, localize: "),
            ("A,cold-water,А,A,no,,P1D;x,,always,,default", "line 2, resolve: "),
            ("A,cold-water,А,A,no,,,,nights,,default", "line 2, clock: "),
            (
                "A,cold-water,А,A,no,,,,always,photo_of_cat,default",
                "line 2, evidence: \"photo_of_cat\" is not known",
            ),
            ("A,cold-water,А,A,no,,,,always,photo_after+photo_after,default", "line 2, evidence: "),
            ("A,magic,А,A,no,,,,always,,default", "unknown variant `magic`"),
            ("A,yard,А,A,no,,,,always,,default\nA,yard,А,A,no,,,,always,,default", "line 3, code: twice"),
        ] {
            let message = read(row);
            assert!(message.contains(column), "{message}");
        }
    }

    #[test]
    fn a_category_has_one_name_in_the_file_in_json_and_in_the_database() {
        use sea_orm::{ActiveEnum as _, Iterable as _};
        for category in Category::iter() {
            assert_eq!(
                serde_json::to_value(category).unwrap(),
                serde_json::Value::String(category.to_value())
            );
            assert!(
                default_catalogue().unwrap().iter().any(|entry| entry.category == category),
                "{category:?}"
            );
        }
        assert_eq!(Category::CableTv.to_value(), "cable-tv");
    }

    #[test]
    fn a_precondition_is_strict() {
        let json = r#"{"text_ru":"Прийти с договором","text_en":"Bring the contract","only_for":"disabled"}"#;
        let precondition: Precondition = serde_json::from_str(json).unwrap();
        assert_eq!(precondition.only_for, Audience::Disabled);
        assert_eq!(serde_json::to_string(&precondition).unwrap(), json);
        assert!(serde_json::from_str::<Precondition>(&json.replace("Прийти с договором", " ")).is_err());
        assert!(serde_json::from_str::<Precondition>(&json.replace("disabled", "others")).is_err());
    }
}
