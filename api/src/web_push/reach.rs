//! Where messages may go. The address of a push service comes from a browser, and whoever has a browser may write
//! anything there: nothing inside our own walls is reached by it.

use std::{
    error::Error as StdError,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use naryad_domain::{Error, Result};
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use url::Host;

use super::{CONNECT, REQUEST};

/// The endpoints that may be reached.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// The one origin on the loopback that may be, for tests.
    stand_in: Option<url::Origin>,
}

/// A name that leads behind our own walls.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotPublic;

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no public address")
    }
}

impl StdError for NotPublic {}

impl Reach {
    /// `stand_in` is `web_push_stand_in`.
    ///
    /// # Errors
    /// `invalid_field`: it is no http origin on the loopback.
    pub(super) fn of(stand_in: Option<&str>) -> Result<Self> {
        let refused = || Error::field("web_push_stand_in", "must be http://127.0.0.1:PORT");
        let stand_in = stand_in
            .map(|text| {
                let url = Url::parse(text).map_err(|_| refused())?;
                let is_one = url.scheme() == "http" && url.host() == Some(Host::Ipv4(Ipv4Addr::LOCALHOST));
                if is_one { Ok(url.origin()) } else { Err(refused()) }
            })
            .transpose()?;
        Ok(Self { stand_in })
    }

    /// The endpoint as an address that may be asked; `None`: no browser gave this. A name is looked at once more when it
    /// is resolved.
    pub(super) fn endpoint(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        if !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        if self.stand_in.as_ref().is_some_and(|origin| *origin == url.origin()) {
            return Some(url);
        }
        let is_public = match url.host()? {
            Host::Ipv4(address) => is_public(address.into()),
            Host::Ipv6(address) => is_public(address.into()),
            Host::Domain(name) => !is_own(name),
        };
        (url.scheme() == "https" && is_public).then_some(url)
    }

    /// A client that reaches public addresses only, follows nobody elsewhere and waits for nobody long. A proxy of the
    /// environment is passed by: it would resolve names out of our sight.
    pub(super) fn client(&self) -> Result<Client> {
        Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .dns_resolver(Arc::new(PublicNames))
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .build()
            .map_err(Error::internal)
    }
}

/// Names that never lead outside (RFC 6761, 6762, 8375); what a search list makes of a single word is ours too.
fn is_own(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let within = |zone: &str| name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
    !name.contains('.') || ["localhost", "local", "internal", "home.arpa", "invalid"].into_iter().any(within)
}

/// Resolves as the machine does, and keeps what is public.
#[derive(Debug)]
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let kept = public(&found)?;
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// The public ones of what was found; one that is not makes the name suspect, and all of it is left.
fn public(found: &[SocketAddr]) -> Result<Vec<SocketAddr>, NotPublic> {
    if found.iter().all(|address| is_public(address.ip())) { Ok(found.to_vec()) } else { Err(NotPublic) }
}

/// Whether an address is one of the open internet (the special-purpose registries of IANA).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, loopback.
        [0 | 10 | 127, ..] => false,
        // Shared behind the provider's translator.
        [100, second, ..] => !(64..128).contains(&second),
        [169, 254, ..] => false,
        [172, second, ..] => !(16..32).contains(&second),
        // Protocol assignments, documentation, relays of 6to4, private.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..] => false,
        // Benchmarks and documentation.
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => false,
        // Multicast, reserved, broadcast.
        [first, ..] => first < 224,
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [.., high, low] = segments;
    match segments {
        // An IPv4 address behind a translator (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
        }
        // Protocol assignments (Teredo among them), documentation, 6to4.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x2002, ..] => false,
        [0x3fff, second, ..] => second >= 0x1000,
        // Nothing else is given out: local, private, mapped, multicast.
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reach() -> Reach {
        Reach::of(None).unwrap()
    }

    #[test]
    fn push_services_of_browsers_are_reached() {
        for endpoint in [
            "https://fcm.googleapis.com/fcm/send/abc:def",
            "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
            "https://web.push.apple.com/QGV",
            "https://wns2-par02p.notify.windows.com/w/?token=BQ",
            "https://8.8.8.8/x",
            "https://[2a00:1450:4010:c0e::5f]/x",
        ] {
            assert!(reach().endpoint(endpoint).is_some(), "{endpoint}");
        }
    }

    #[test]
    fn nothing_of_our_own_is_reached() {
        for endpoint in [
            "http://fcm.googleapis.com/x",
            "https://user:word@fcm.googleapis.com/x",
            "https://127.0.0.1/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://017700000001/x",
            "https://[::1]/x",
            "https://[::ffff:10.0.0.1]/x",
            "https://[fe80::1]/x",
            "https://[fd00::1]/x",
            "https://[64:ff9b::a00:1]/x",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/x",
            "https://LOCALHOST./x",
            "https://postgres:5432/x",
            "https://api.localhost/x",
            "https://printer.local/x",
            "https://metadata.google.internal/x",
            "http://127.0.0.1:8080/x",
            "file:///etc/passwd",
            "data:text/plain,x",
            "",
        ] {
            assert!(reach().endpoint(endpoint).is_none(), "{endpoint}");
        }
    }

    #[test]
    fn one_stand_in_is_reached_and_nothing_beside_it() {
        let reach = Reach::of(Some("http://127.0.0.1:4000")).unwrap();
        assert!(reach.endpoint("http://127.0.0.1:4000/a").is_some());
        for other in ["http://127.0.0.1:4001/a", "https://127.0.0.1:4000/a", "http://localhost:4000/a"] {
            assert!(reach.endpoint(other).is_none(), "{other}");
        }
        for refused in ["http://10.0.0.1:80", "https://127.0.0.1:1", "http://localhost:1", "nowhere"] {
            assert!(Reach::of(Some(refused)).is_err(), "{refused}");
        }
    }

    #[test]
    fn one_address_of_ours_spoils_a_name() {
        let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        assert_eq!(public(&[at("8.8.8.8"), at("1.1.1.1")]).unwrap().len(), 2);
        assert!(public(&[at("8.8.8.8"), at("10.0.0.1")]).is_err());
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_resolved() {
        let found = PublicNames.resolve("localhost".parse().unwrap()).await;
        assert!(found.is_err_and(|failure| failure.is::<NotPublic>()));
    }

    proptest! {
        /// What the standard library calls local is never public, however it is written down.
        #[test]
        fn local_addresses_are_never_public(bits in any::<u32>()) {
            let address = Ipv4Addr::from(bits);
            let local = address.is_private() || address.is_loopback() || address.is_link_local()
                || address.is_unspecified() || address.is_multicast() || address.is_broadcast()
                || address.is_documentation();
            prop_assert!(!(local && is_public(address.into())));
            prop_assert!(!is_public(address.to_ipv6_mapped().into()));
            let [a, b, c, d] = address.octets().map(u16::from);
            let translated = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a << 8 | b, c << 8 | d);
            prop_assert_eq!(is_public(translated.into()), is_public(address.into()));
            let url = format!("https://{address}/x");
            prop_assert_eq!(reach().endpoint(&url).is_some(), is_public(address.into()));
        }

        #[test]
        fn local_addresses_of_the_sixth_version_are_never_public(bits in any::<u128>()) {
            let address = Ipv6Addr::from(bits);
            let local = address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast()
                || address.is_loopback() || address.is_unspecified();
            prop_assert!(!(local && is_public(address.into())));
        }

        /// Whatever a browser says, nothing panics.
        #[test]
        fn any_text_is_an_endpoint_or_none(text in "\\PC{0,80}") {
            let _ = reach().endpoint(&text);
        }
    }
}
