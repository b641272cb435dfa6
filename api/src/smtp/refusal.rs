//! What it means when a server says no, step by step.

use naryad_domain::channel::SendError;

use super::wire::Reply;

/// Where in the talk a reply comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Greeting,
    Hello,
    StartTls,
    Login,
    From,
    To,
    Data,
    Content,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Login => "login",
            Self::From => "sender",
            Self::To => "recipient",
            Self::Data => "DATA",
            Self::Content => "text",
        }
    }
}

/// The meaning of a reply that is not the one which was hoped for.
pub(super) fn refusal(step: Step, reply: &Reply) -> SendError {
    let word = || format!("{}: {}", step.name(), reply.word());
    match reply.code / 100 {
        // A server that greylists, is full or goes down: certainly not taken.
        4 => SendError::Busy { retry_after: None },
        5 if is_nobody(step, reply) => SendError::Dead,
        5 => SendError::Refused(word()),
        _ => SendError::Down(word()),
    }
}

/// Whether there is no such mailbox. The enhanced code tells, where there is one: many servers say 550 to whomever they do
/// not like, and that is no reason to forget an address.
fn is_nobody(step: Step, reply: &Reply) -> bool {
    match (step, reply.detail()) {
        // No such mailbox, domain or syntax; moved; a domain without mail; switched off (RFC 3463, RFC 7505).
        (Step::To | Step::Content, Some(detail)) => {
            matches!(detail, (1, 1 | 2 | 3 | 6 | 10) | (2, 1))
        }
        (Step::To, None) => matches!(reply.code, 550 | 551 | 553),
        _ => false,
    }
}
