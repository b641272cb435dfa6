//! What goes wrong in a talk.

/// A step of a talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// The greeting.
    Greeting,
    /// EHLO, in the clear or under TLS.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH, at its end.
    Login,
    /// MAIL FROM.
    From,
    /// RCPT TO.
    To,
    /// DATA.
    Data,
    /// The end of the text.
    Content,
    /// RSET.
    Reset,
}

/// What is said there instead of what is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    /// This line; the letter is not taken.
    Line(&'static str),
    /// Nothing: the connection is closed.
    Close,
    /// The letter is taken, and the connection closed without a word.
    TakeAndClose,
    /// Nothing, ever.
    Silence,
    /// Lines without end.
    Endless,
    /// EHLO without STARTTLS.
    Bare,
    /// The right answer, and the next one with it: as somebody between would put in, to be heard under TLS.
    Ahead(&'static str),
}
