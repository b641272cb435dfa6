//! The catalogue of request types: how urgent a kind of work is, its terms, and what closing it demands.

pub mod amount;
pub mod csv;
pub mod demand;
pub mod field;
pub mod hours;
pub mod missing;
pub mod request_type;
mod rules;
pub mod store;
pub mod term;
pub mod version;

pub use amount::{Amount, Unit};
pub use csv::{Audience, CatalogueEntry, Category, Precondition, default_catalogue};
pub use demand::{CheckItem, Demands, PhotoDemand, PhotoKind, ReadingIn, departure_checklist};
pub use field::{ChoiceOption, FieldKind, FieldSpec, thousandths, validate_fields};
pub use hours::{Clock, Day, DayTime, WeekHours};
pub use missing::{Given, Missing, missing};
pub use rules::{AuthorityNature, Rules, UnansweredCalls};
pub use term::{MonthDay, Season, Term, TermError};
