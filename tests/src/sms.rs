//! A stand-in of the gateways for text messages, as strict as they are: SMSC, SMS.ru and SMS Aero (version 2) in one
//! server. It checks who asks, how, and with what; it keeps every message that it took, so that doubles can be counted; and
//! it fails as it is told, or by dice.

mod aero;
mod book;
mod request;
mod say;
mod smsc;
mod smsru;
#[cfg(test)]
mod tests;

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    web::{self, Bytes, Data},
};

use self::book::{Desk, Take};
pub use self::{
    book::Sent,
    say::{Say, Weather},
};
use crate::{HandClock, House};

/// The login of the account at SMSC and SMS Aero.
pub const LOGIN: &str = "dispatch@dom.example";
/// The password at SMSC, the key at SMS.ru and SMS Aero: digits that are no number.
pub const SECRET: &str = "007164239185";
/// The name that is agreed with all of them.
pub const SENDER: &str = "Naryad";

/// Which of them is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SMSC.
    Smsc,
    /// SMS.ru.
    SmsRu,
    /// SMS Aero.
    SmsAero,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Smsc, Self::SmsRu, Self::SmsAero];

    /// Its word in the settings.
    pub fn provider(self) -> &'static str {
        match self {
            Self::Smsc => "smsc",
            Self::SmsRu => "smsru",
            Self::SmsAero => "smsaero",
        }
    }

    fn taken(self, sent: &Sent) -> HttpResponse {
        match self {
            Self::Smsc => smsc::taken(sent),
            Self::SmsRu => smsru::taken(sent),
            Self::SmsAero => aero::taken(sent),
        }
    }

    /// Nobody has this phone.
    fn dead(self, to: &str) -> HttpResponse {
        match self {
            Self::Smsc => smsc::error(7, "invalid number"),
            Self::SmsRu => smsru::error_of(to, 202),
            Self::SmsAero => aero::error(400, &serde_json::json!({ "number": ["Wrong number."] })),
        }
    }

    /// Not now, said with 200 where the dialect has words for it.
    fn later(self) -> HttpResponse {
        match self {
            Self::Smsc => smsc::error(4, "ip is blocked"),
            Self::SmsRu => smsru::error(220),
            Self::SmsAero => aero::error(429, &serde_json::Value::Null),
        }
    }
}

/// A running stand-in. What breaks the rules of the gateways fails the test when it is dropped.
#[derive(Debug)]
pub struct Gate {
    url: String,
    desk: Data<Desk>,
    handle: ServerHandle,
}

impl Gate {
    /// Starts on a free port of the loopback, living by `clock`.
    pub async fn start(clock: &HandClock) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let desk = Data::new(Desk::new(clock));
        let shared = desk.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/sys/send.php", web::to(smsc::send))
                .route("/sys/status.php", web::to(smsc::status))
                .route("/sys/balance.php", web::to(smsc::balance))
                .route("/sms/send", web::to(smsru::send))
                .route("/sms/status", web::to(smsru::status))
                .route("/my/balance", web::to(smsru::balance))
                .route("/v2/sms/send", web::to(aero::send))
                .route("/v2/sms/status", web::to(aero::status))
                .route("/v2/balance", web::to(aero::balance))
                .default_service(web::to(elsewhere))
        });
        let server = server.disable_signals().workers(1).listen(listener).expect("it listens").run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, desk, handle }
    }

    /// Lets a house that is not open yet send through it.
    pub fn serve(&self, house: &House, dialect: Dialect) {
        house.set("NARYAD_SMS_PROVIDER", dialect.provider());
        house.set("NARYAD_SMS_LOGIN", LOGIN);
        house.set("NARYAD_SMS_SECRET", SECRET);
        house.set("NARYAD_SMS_SENDER", SENDER);
        house.set("NARYAD_SMS_ENDPOINT", &self.url);
        house.set("NARYAD_SMS_PER_SECOND", "1000");
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next who send get these answers, one each.
    pub fn say(&self, says: impl IntoIterator<Item = Say>) {
        self.desk.book().says.extend(says);
    }

    /// From now on some who send are answered badly; `None`: none is.
    pub fn weather(&self, weather: Option<Weather>) {
        self.desk.book().weather = weather;
    }

    /// Nobody has this phone, in digits.
    pub fn disconnect(&self, phone: &str) {
        self.desk.book().disconnected.insert(phone.to_owned());
    }

    /// Messages that come are kept waiting until [`Gate::release`].
    pub fn hold(&self) {
        self.desk.held.send_replace(true);
    }

    /// Those that wait are answered.
    pub fn release(&self) {
        self.desk.held.send_replace(false);
    }

    /// From now on this is said of a message, in the code of its dialect.
    pub fn set_status(&self, reference: &str, code: i64) {
        let mut book = self.desk.book();
        for sent in book.sent.iter_mut().filter(|sent| sent.reference == reference) {
            sent.status = code;
        }
    }

    /// How many sendings came, whatever was said to them.
    pub fn asked(&self) -> usize {
        self.desk.book().asked
    }

    /// How often a status was asked for.
    pub fn looked(&self) -> usize {
        self.desk.book().looked
    }

    /// The messages that were taken, in order; whoever sent them may not know.
    pub fn sent(&self) -> Vec<Sent> {
        self.desk.book().sent.clone()
    }

    /// The texts that a phone (in digits) has got, in order.
    pub fn texts_of(&self, phone: &str) -> Vec<String> {
        let sent = self.sent();
        sent.into_iter().filter(|sent| sent.to == phone).map(|sent| sent.text).collect()
    }

    /// How many messages were one too many: the same text to the same phone.
    pub fn doubles(&self) -> usize {
        let sent = self.sent();
        let different: std::collections::BTreeSet<_> =
            sent.iter().map(|sent| (&*sent.to, &*sent.text)).collect();
        sent.len() - different.len()
    }

    /// How many answers were lost though the message was taken.
    pub fn lost(&self) -> usize {
        self.desk.book().lost
    }

    /// What broke the rules so far; the test no longer fails for it.
    pub fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut self.desk.book().complaints)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        let complaints = self.take_complaints();
        if !std::thread::panicking() {
            assert!(complaints.is_empty(), "the SMS gateway was misused: {complaints:?}");
        }
    }
}

async fn elsewhere(desk: Data<Desk>, request: HttpRequest, _: Bytes) -> HttpResponse {
    desk.complain(format!("nothing is at {} {}", request.method(), request.path()));
    HttpResponse::NotFound().body("<html>not here</html>")
}
