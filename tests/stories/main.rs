//! Stories of the users, each on both databases, against the real program.

#![cfg(test)]

mod access;
mod alarms;
mod backup;
mod bad_input;
mod board;
mod closing;
mod crash;
mod day;
mod demo;
mod ical;
mod jobs;
mod notices;
mod offline;
mod operations;
mod pages;
mod partners;
mod push;
mod races;
mod resident;
mod search;
mod shifts;
mod simulator;
mod slots;
mod sms;
mod survey;
mod sync;
mod terms;
mod texts;
mod uploads;
mod web_push;
mod worktime;
