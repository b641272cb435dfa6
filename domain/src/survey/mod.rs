//! Residents are asked about the quality: after the work, and from time to time in chosen buildings.
//!
//! An occasion is a survey, a person who is asked is an invitation, and one invitation has one answer, by whichever way it
//! comes: a link that needs no sign-in, the app, a text message, the telephone. Whoever has said «do not ask me» is not
//! asked. A low mark brings the ticket back, or somebody looks into it within a term.

pub mod answer;
pub mod answer_row;
mod answers;
mod calls;
pub mod invitation;
mod page;
mod plan;
pub mod poll;
pub mod reply;
pub mod reply_row;
mod report;
pub mod review;
pub mod row;
mod settings;
pub mod silence;
pub mod silence_row;
mod step;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use self::plan::follow;
pub use self::{
    answer::{Answer, AnswerByApp, AnswerByLink, AnswerByPhone, Answered, Reason},
    answers::{AnswerDocument, AnswerFilter, answer_of, list as answers},
    calls::{CallDocument, calls},
    page::{SurveyPage, open},
    plan::is_sampled,
    poll::{CreatePoll, NewPoll, PollDocument, poll, polls},
    report::{Grouping, SurveyReport, SurveyReportLine, SurveyReportRange, report},
    settings::{LowAction, SurveySettings},
    step::{forget_the_past, run_due},
    token::Links,
};
