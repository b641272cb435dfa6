//! Settings: defaults, then the file, then the environment, then the flags; the later wins.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use naryad_domain::{Error, Result, db::Location};
use serde::{Deserialize, Serialize};

use crate::{
    fcm::FcmSettings,
    s3::{self, S3Settings},
    sms::{Gateway, SmsSettings},
    smtp::{SmtpSettings, SmtpTls},
    web_push::WebPushSettings,
};

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $shown:literal;)*) => {
        /// All settings. In the file they stand under these names, in the environment as `NARYAD_` and the name in
        /// capitals.
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $type,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// Name and type of each setting.
        const TYPES: &[(&str, &str)] = &[$((stringify!($name), stringify!($type)),)*];

        /// Name, default and meaning of each setting, for the documentation.
        pub const SETTINGS: &[(&str, &str, &str)] = &[$((stringify!($name), $shown, concat!($($doc),+)),)*];
    };
}

settings! {
    /// Address and port; port 0 takes a free one.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), "127.0.0.1:8080";
    /// Directory of the database file, the key and the photos; made if it is not there.
    data: PathBuf = PathBuf::from("data"), "data";
    /// `postgres://...` or `sqlite:PATH`; `DATABASE_URL` is read too. Without it, `naryad.db` in the data directory.
    database_url: Option<String> = None, "";
    /// Connections to the database at most; one more listens on PostgreSQL.
    database_connections: u32 = 10, "10";
    /// PEM or DER file of the Ed25519 key that signs access tokens. Without it, `key.pem` in the data directory, made at
    /// the first start. All nodes need the same one.
    key_file: Option<PathBuf> = None, "";
    /// PEM files of the public halves of earlier keys whose tokens are still accepted.
    previous_key_files: Vec<PathBuf> = Vec::new(), "[]";
    /// What is logged: `info`, `debug`, `naryad_api=debug,info`.
    log: String = "info".to_owned(), "info";
    /// `text` or `json`.
    log_format: LogFormat = LogFormat::Text, "text";
    /// Where the service is reached from outside, `https://dom.example.org`: what links in messages begin with. Without it
    /// they are paths.
    public_url: Option<String> = None, "";
    /// Whether `serve` runs background jobs too.
    worker: bool = true, "true";
    /// Background jobs at once.
    jobs_at_once: usize = 4, "4";
    /// Whether the address of the client is taken from `Forwarded` or `X-Forwarded-For`: only behind a proxy of yours.
    trust_forwarded: bool = false, "false";
    /// Requests to `/v1/auth/` per minute and client address.
    auth_per_minute: u32 = 300, "300";
    /// New tickets per minute and person.
    tickets_per_minute: u32 = 300, "300";
    /// The S3 bucket that keeps the photos; `S3_BUCKET` is read too, and so are its companions. Without it, the folder
    /// `photos` in the data directory.
    s3_bucket: Option<String> = None, "";
    /// Address of the S3 service; without it, that of AWS.
    s3_endpoint: Option<String> = None, "";
    /// Region of the bucket.
    s3_region: String = "us-east-1".to_owned(), "us-east-1";
    /// Name of the key to the bucket.
    s3_access_key_id: Option<String> = None, "";
    /// The key to the bucket.
    s3_secret_access_key: Option<String> = None, "";
    /// A file that holds the key to the bucket.
    s3_secret_access_key_file: Option<PathBuf> = None, "";
    /// Whether the bucket stands in the path instead of the name of the host.
    s3_path_style: bool = true, "true";
    /// What stands before every name in the bucket.
    s3_prefix: String = String::new(), "";
    /// The service account of Firebase Cloud Messaging as the console gives it, JSON: phones of technicians are told at
    /// once to pull. Without it nothing is pushed. Nodes that run background jobs need it.
    fcm_service_account_file: Option<PathBuf> = None, "";
    /// Address of Firebase Cloud Messaging.
    fcm_endpoint: String = "https://fcm.googleapis.com".to_owned(), "https://fcm.googleapis.com";
    /// Pushes a second to Firebase Cloud Messaging at most, from each node; a project may send ten thousand.
    fcm_per_second: u32 = 500, "500";
    /// Who sends text messages: `smsc` (SMSC), `smsru` (SMS.ru), `smsaero` (SMS Aero), or `outbox`: nobody, they are
    /// written into the folder `outbox` of the data directory.
    sms_provider: SmsProvider = SmsProvider::Outbox, "outbox";
    /// Login at the provider of text messages; SMS.ru has none.
    sms_login: Option<String> = None, "";
    /// Password or key at the provider of text messages.
    sms_secret: Option<String> = None, "";
    /// A file that holds the password or key.
    sms_secret_file: Option<PathBuf> = None, "";
    /// The name that phones show as the sender, as agreed with the provider; SMS Aero needs one.
    sms_sender: Option<String> = None, "";
    /// Address of the provider of text messages; without it, its own.
    sms_endpoint: Option<String> = None, "";
    /// Requests a second to the provider of text messages at most, from each node.
    sms_per_second: u32 = 10, "10";
    /// Name of the server that takes e-mail. Without it, e-mail is written into the folder `outbox-mail` of the data
    /// directory.
    smtp_host: Option<String> = None, "";
    /// Its port. Without it 587; 465 where `smtp_tls` is `implicit`, 25 where it is `none`.
    smtp_port: Option<u16> = None, "";
    /// `starttls`, `implicit`, or `none` for a server on this machine.
    smtp_tls: SmtpTls = SmtpTls::Starttls, "starttls";
    /// Login to the server, where it wants one.
    smtp_login: Option<String> = None, "";
    /// The password to it.
    smtp_password: Option<String> = None, "";
    /// A file that holds the password.
    smtp_password_file: Option<PathBuf> = None, "";
    /// Who e-mail comes from: `name@example.org` or `Name <name@example.org>`.
    smtp_from: Option<String> = None, "";
    /// PEM file of further authorities that may have signed the server's certificate.
    smtp_ca_file: Option<PathBuf> = None, "";
    /// Where push services reach whoever runs this, `mailto:...` or `https://...`. Where it is set, messages are pushed to
    /// browsers too.
    web_push_contact: Option<String> = None, "";
    /// PEM file of the P-256 key by which push services know this service. Without it, `web-push-key.pem` in the data
    /// directory, made at the first start. All nodes need the same one; with another, browsers must subscribe anew.
    web_push_key_file: Option<PathBuf> = None, "";
    /// An origin on the loopback (`http://127.0.0.1:PORT`) that may stand for a push service: for tests.
    web_push_stand_in: Option<String> = None, "";
    /// For how many seconds a link to a photo counts.
    link_seconds: u32 = 900, "900";
    /// A file that holds the time (RFC 3339) instead of the clock of the machine: for tests.
    clock_file: Option<PathBuf> = None, "";
}

/// Settings that are taken from the environment as they stand there, whatever they look like: the key `007` is not 7, and
/// `[a]` is no list.
fn texts() -> impl Iterator<Item = &'static str> {
    let is_text = |kind| matches!(kind, "String" | "Option<String>" | "PathBuf" | "Option<PathBuf>");
    TYPES.iter().filter(move |(_, kind)| is_text(*kind)).map(|(name, _)| *name)
}

/// Settings that are read under their own names too, without `NARYAD_`.
fn is_bare(name: &str) -> bool {
    name == "database_url" || name.starts_with("s3_")
}

/// Lays the texts of the environment over what was read from it by guessing.
fn lay_texts(mut figment: Figment, variable: impl Fn(&str) -> Option<String>) -> Figment {
    for name in texts() {
        let capitals = name.to_uppercase();
        let bare = || variable(&capitals).filter(|_| is_bare(name));
        if let Some(text) = variable(&format!("NARYAD_{capitals}")).or_else(bare) {
            // Not as a pair: figment lays pairs over everything, flags too.
            figment = figment.merge(Serialized::default(name, text));
        }
    }
    figment
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Who sends text messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmsProvider {
    /// Nobody: a folder.
    #[default]
    Outbox,
    /// SMSC.
    Smsc,
    /// SMS.ru.
    Smsru,
    /// SMS Aero.
    Smsaero,
}

/// Settings given on the command line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flags {
    /// `--listen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// `--data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// `--no-worker`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<bool>,
}

impl Config {
    /// Reads the settings. `file` is that of `--config`, or else of `NARYAD_CONFIG`; it must exist when named.
    ///
    /// # Errors
    /// The file cannot be read, names an unknown setting, or a value does not fit.
    pub fn read(file: Option<&Path>, flags: &Flags) -> Result<Self> {
        let names: Vec<_> = SETTINGS.iter().map(|(name, _, _)| *name).collect();
        let named = file.map(Path::to_owned).or_else(|| std::env::var_os("NARYAD_CONFIG").map(PathBuf::from));
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = named {
            let text = std::fs::read_to_string(&path)
                .map_err(|cause| Error::field("config", format!("{}: {cause}", path.display())))?;
            figment = figment.merge(Toml::string(&text));
        }
        let bare: Vec<_> = names.iter().copied().filter(|name| is_bare(name)).collect();
        let figment = figment.merge(Env::raw().only(&bare)).merge(Env::prefixed("NARYAD_").only(&names));
        lay_texts(figment, |name| std::env::var(name).ok())
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|cause| Error::field("config", cause.to_string()))
    }

    /// Where the database is.
    ///
    /// # Errors
    /// `database_url` names neither PostgreSQL nor SQLite.
    pub fn location(&self) -> Result<Location> {
        match &self.database_url {
            Some(url) => Location::parse(url),
            None => Ok(Location::Sqlite(self.data.join("naryad.db"))),
        }
    }

    /// The bucket, if one is set.
    ///
    /// # Errors
    /// Its key is missing, or cannot be read from its file.
    pub fn s3(&self) -> Result<Option<S3Settings>> {
        let Some(bucket) = self.s3_bucket.clone() else { return Ok(None) };
        let secret = s3::secret(self.s3_secret_access_key.as_ref(), self.s3_secret_access_key_file.as_ref())?;
        let missing = |field: &str| Error::field(field, "is needed where s3_bucket is set");
        Ok(Some(S3Settings {
            bucket,
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            access_key_id: self.s3_access_key_id.clone().ok_or_else(|| missing("s3_access_key_id"))?,
            secret_access_key: secret.ok_or_else(|| missing("s3_secret_access_key"))?,
            path_style: self.s3_path_style,
            prefix: self.s3_prefix.clone(),
        }))
    }

    /// Where pushes go, if a provider is set.
    pub fn fcm(&self) -> Option<FcmSettings> {
        let service_account_file = self.fcm_service_account_file.clone()?;
        let (endpoint, per_second) = (self.fcm_endpoint.clone(), self.fcm_per_second);
        Some(FcmSettings { service_account_file, endpoint, per_second })
    }

    /// The gateway for text messages, if one is set.
    ///
    /// # Errors
    /// Its secret is missing, or cannot be read from its file.
    pub fn sms(&self) -> Result<Option<SmsSettings>> {
        let gateway = match self.sms_provider {
            SmsProvider::Outbox => return Ok(None),
            SmsProvider::Smsc => Gateway::Smsc,
            SmsProvider::Smsru => Gateway::SmsRu,
            SmsProvider::Smsaero => Gateway::SmsAero,
        };
        let filled = |text: &String| !text.trim().is_empty();
        let secret =
            s3::secret(self.sms_secret.as_ref().filter(|text| filled(text)), self.sms_secret_file.as_ref())?;
        let missing = || Error::field("sms_secret", "is needed where sms_provider is set");
        Ok(Some(SmsSettings {
            gateway,
            login: self.sms_login.clone().filter(filled),
            secret: secret.filter(filled).ok_or_else(missing)?,
            sender: self.sms_sender.clone().filter(filled),
            endpoint: self.sms_endpoint.clone().filter(filled),
            per_second: self.sms_per_second,
        }))
    }

    /// Where e-mail goes, if a server is set.
    ///
    /// # Errors
    /// The sender is missing, or the password cannot be read from its file.
    pub fn smtp(&self) -> Result<Option<SmtpSettings>> {
        let filled = |text: &String| !text.trim().is_empty();
        let Some(host) = self.smtp_host.clone().filter(filled) else { return Ok(None) };
        let missing = || Error::field("smtp_from", "is needed where smtp_host is set");
        Ok(Some(SmtpSettings {
            host,
            port: self.smtp_port,
            tls: self.smtp_tls,
            login: self.smtp_login.clone().filter(filled),
            password: s3::secret(
                self.smtp_password.as_ref().filter(|text| filled(text)),
                self.smtp_password_file.as_ref(),
            )?,
            from: self.smtp_from.clone().filter(filled).ok_or_else(missing)?,
            ca_file: self.smtp_ca_file.clone(),
        }))
    }

    /// Who sends to browsers, if anybody is to.
    pub fn web_push(&self) -> Option<WebPushSettings> {
        let contact = self.web_push_contact.clone().filter(|text| !text.trim().is_empty())?;
        let stand_in = self.web_push_stand_in.clone();
        Some(WebPushSettings { key_file: self.web_push_key_path(), contact, stand_in })
    }

    /// Where the key to the push services is.
    pub fn web_push_key_path(&self) -> PathBuf {
        self.web_push_key_file.clone().unwrap_or_else(|| self.data.join("web-push-key.pem"))
    }

    /// Where the signing key is.
    pub fn key_path(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| self.data.join("key.pem"))
    }
}

impl std::fmt::Debug for Config {
    /// Without the URL of the database: a password may stand in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, flags: &Flags) -> Result<Config> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::read(Some(file.path()), flags)
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let flags = Flags { data: Some("/elsewhere".into()), ..Flags::default() };
        let config = read("data = \"/srv\"\nworker = false\nlog_format = \"json\"", &flags).unwrap();
        assert_eq!(config.data, PathBuf::from("/elsewhere"));
        assert!(!config.worker);
        assert_eq!(config.log_format, LogFormat::Json);
        assert_eq!(config.listen, Config::default().listen);
    }

    #[test]
    fn what_is_unknown_or_does_not_fit_is_named() {
        for (text, named) in [
            ("listn = 1", "listn"),
            ("listen = \"nowhere\"", "listen"),
            ("jobs_at_once = -1", "jobs_at_once"),
            ("listen = ", "TOML"),
        ] {
            let refusal = read(text, &Flags::default()).unwrap_err();
            assert!(refusal.message().contains(named), "{text}: {}", refusal.message());
        }
        let refusal = Config::read(Some(Path::new("/nowhere/naryad.toml")), &Flags::default()).unwrap_err();
        assert!(refusal.message().contains("/nowhere/naryad.toml"));
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let shown = serde_json::to_value(Config::default()).unwrap();
        for (name, default, meaning) in SETTINGS {
            let value = match &shown[name] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(value, *default, "{name}");
            assert!(!meaning.is_empty());
        }
    }

    fn read_environment(variables: &[(&str, &str)]) -> Result<Config> {
        let found = |name: &str| {
            let of = variables.iter().find(|(variable, _)| *variable == name);
            of.map(|(_, value)| (*value).to_owned())
        };
        let read = lay_texts(Figment::from(Serialized::defaults(Config::default())), found).extract();
        read.map_err(|cause| Error::field("config", cause.to_string()))
    }

    #[test]
    fn a_text_of_the_environment_is_taken_as_it_stands() {
        for text in ["007164239185", "1e5", "true", "[a", "{b", "\"c", "a=b", " d "] {
            let config = read_environment(&[
                ("S3_BUCKET", text),
                ("S3_ACCESS_KEY_ID", "a"),
                ("NARYAD_S3_ACCESS_KEY_ID", text),
                ("NARYAD_S3_SECRET_ACCESS_KEY", text),
                ("NARYAD_SMTP_PASSWORD", text),
                ("NARYAD_DATA", text),
                ("SMS_SECRET", "nobody's"),
            ])
            .unwrap();
            let bucket = config.s3().unwrap().unwrap();
            let read = [&bucket.bucket, &bucket.access_key_id, &bucket.secret_access_key];
            assert_eq!(read, [text; 3]);
            assert_eq!(config.smtp_password.as_deref(), Some(text));
            assert_eq!(config.data, PathBuf::from(text));
            assert_eq!(config.sms_secret, None);
        }
    }

    #[test]
    fn a_flag_is_laid_over_the_environment() {
        let found = |name: &str| (name == "NARYAD_DATA").then(|| "/there".to_owned());
        let flags = Flags { data: Some("/here".into()), ..Flags::default() };
        let read = lay_texts(Figment::from(Serialized::defaults(Config::default())), found);
        let config: Config = read.merge(Serialized::defaults(&flags)).extract().unwrap();
        assert_eq!(config.data, PathBuf::from("/here"));
    }

    #[test]
    fn every_secret_is_a_text() {
        let texts: Vec<_> = texts().collect();
        for (name, _, _) in SETTINGS {
            let is_secret =
                ["secret", "password", "login", "key", "url"].iter().any(|word| name.contains(word));
            let is_list = *name == "previous_key_files";
            assert!(!is_secret || is_list || texts.contains(name), "{name}");
        }
    }

    #[test]
    fn a_gateway_needs_its_secret() {
        assert!(Config::default().sms().unwrap().is_none());
        let read = |text: &str| read(text, &Flags::default()).unwrap().sms();
        for text in ["sms_provider = \"smsc\"", "sms_provider = \"smsru\"\nsms_secret = \" \""] {
            assert!(read(text).unwrap_err().message().contains("sms_secret"), "{text}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "SECRET\n").unwrap();
        let text = format!(
            "sms_provider = \"smsaero\"\nsms_secret_file = \"{}\"\nsms_login = \"LOGIN\"",
            file.path().display()
        );
        let settings = read(&text).unwrap().unwrap();
        assert_eq!((settings.gateway, &*settings.secret), (Gateway::SmsAero, "SECRET"));
        let shown = format!("{settings:?}");
        assert!(!shown.contains("SECRET") && !shown.contains("LOGIN"), "{shown}");
    }

    #[test]
    fn a_password_is_not_shown() {
        let config = Config { database_url: Some("postgres://u:secret@h/d".to_owned()), ..Config::default() };
        assert!(!format!("{config:?}").contains("secret"));
    }
}
