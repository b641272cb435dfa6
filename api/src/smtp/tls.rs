//! TLS to the server: the authorities of this machine, and those of a file.

use std::{io, path::Path, sync::Arc, time::Duration};

use naryad_domain::{Error, Result, channel::SendError};
use rustls_platform_verifier::Verifier;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, CertificateError, ClientConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::{
    SmtpSettings, SmtpTls,
    wire::{self, Stream},
};

/// The handshake.
const HANDSHAKE: Duration = Duration::from_secs(8);

/// How the talk is kept from others.
#[derive(Clone)]
pub(super) enum Security {
    /// Not at all: the server is on this machine.
    None,
    Starttls(Tls),
    Implicit(Tls),
}

/// What a handshake needs.
#[derive(Clone)]
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Security {
    /// # Errors
    /// `invalid_field`: a server elsewhere is to be spoken to in the clear, or its name is none. `internal`: the
    /// authorities cannot be read.
    pub(super) fn of(settings: &SmtpSettings) -> Result<Self> {
        let is_here = matches!(settings.host.as_str(), "127.0.0.1" | "::1" | "localhost");
        match settings.tls {
            SmtpTls::None if is_here => Ok(Self::None),
            SmtpTls::None => Err(Error::field("smtp_tls", "`none` is for a server on this machine")),
            SmtpTls::Starttls => Tls::of(settings).map(Self::Starttls),
            SmtpTls::Implicit => Tls::of(settings).map(Self::Implicit),
        }
    }
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Starttls(_) => "Starttls",
            Self::Implicit(_) => "Implicit",
        })
    }
}

impl Tls {
    fn of(settings: &SmtpSettings) -> Result<Self> {
        let name = ServerName::try_from(settings.host.clone())
            .map_err(|_| Error::field("smtp_host", "must be the name or the address of a server"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let further = settings.ca_file.as_deref().map(authorities).transpose()?.unwrap_or_default();
        let verifier =
            Verifier::new_with_extra_roots(further, Arc::clone(&provider)).map_err(Error::internal)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::internal)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    pub(super) async fn over(&self, stream: Box<dyn Stream>) -> Result<Box<dyn Stream>, SendError> {
        let shaking = async {
            let shaken = self.connector.connect(self.name.clone(), stream).await;
            shaken.map_err(|failure| SendError::Down(format!("TLS: {}", told(&failure))))
        };
        Ok(Box::new(wire::in_time(HANDSHAKE, shaking).await?))
    }
}

/// The certificates of a PEM file.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let unusable = |why: &str| Error::internal(format!("smtp_ca_file {}: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|cause| unusable(&cause.to_string()))?;
    let read: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(unusable("no certificates in PEM")),
    }
}

/// Why a handshake failed, in words that name nobody.
fn told(failure: &io::Error) -> &'static str {
    let cause = failure.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(why)) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the certificate is not valid yet"
            }
            CertificateError::UnknownIssuer => "nobody we trust has signed the certificate",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate is for another name"
            }
            _ => "the certificate is not accepted",
        },
        Some(rustls::Error::InvalidMessage(_)) => "the server speaks no TLS",
        Some(_) => "the handshake failed",
        None => "the connection broke",
    }
}
