//! Which network addresses are never connected to, whatever name leads there.
//!
//! A Secret or a `endpointForHasura` names any host that its author likes, and a host's name may stand for another
//! address at each look-up. So it is not the name that is judged but the addresses that a connection is made to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Every address that a host's name stands for is a refused one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("every address of this host is a link-local, metadata or multicast one")]
pub(super) struct Refused;

/// Metadata services of clouds outside the link-local ranges: Alibaba Cloud, Azure, Oracle Cloud.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The same for AWS and Google Cloud.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Whether an address may be connected to.
///
/// Private addresses may, since Logto often runs in the same cluster. So may loopback, where a pod has nothing but the
/// operator itself, whose probes and metrics hold no secret.
pub(super) fn may_be_connected_to(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> bool {
    // All of 0.0.0.0/8 is "this host" (RFC 1122, section 3.2.1.3).
    let unspecified = address.octets()[0] == 0;
    !(unspecified
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || METADATA_V4.contains(&address))
}

fn v6(address: Ipv6Addr) -> bool {
    if address.is_loopback() {
        return true;
    }
    !(address.is_unspecified()
        || address.is_unicast_link_local()
        || address.is_multicast()
        || METADATA_V6.contains(&address)
        || inside(address).is_some_and(|inside| !v4(inside)))
}

/// The IPv4 address that an IPv6 address leads to: mapped and compatible (RFC 4291, section 2.5.5), NAT64 (RFC 6052 and
/// RFC 8215) and 6to4 (RFC 3056).
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let at = |at: usize| Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]);
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        | [0x64, 0xff9b, 1, ..] => Some(at(12)),
        [0x2002, ..] => Some(at(2)),
        _ => None,
    }
}

/// The system's resolver without the addresses that are refused. A host written as an address does not come here:
/// [`Endpoint`](super::Endpoint) refuses it.
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let all = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(allowed(all)?.into_iter()) as Addrs)
        })
    }
}

fn allowed(all: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
    let allowed: Vec<_> = all
        .filter(|address| may_be_connected_to(address.ip()))
        .collect();
    if allowed.is_empty() {
        return Err(Refused);
    }
    Ok(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_and_metadata_addresses_are_refused_in_every_form() {
        for refused in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "febf::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::",
            "ff02::1",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::ffff:100.100.100.200",
            "::ffff:0.0.0.0",
        ] {
            assert!(!may_be_connected_to(refused.parse().unwrap()), "{refused}");
        }
        for allowed in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "203.0.113.7",
            "169.253.0.1",
            "127.0.0.1",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "fd00::1",
            "2001:db8::1",
        ] {
            assert!(may_be_connected_to(allowed.parse().unwrap()), "{allowed}");
        }
    }

    #[tokio::test]
    async fn what_a_look_up_gives_is_filtered() {
        for (host, found) in [
            ("169.254.169.254", None),
            ("fe80::1", None),
            ("10.0.0.1", Some(1)),
        ] {
            let addresses = Resolver.resolve(host.parse().unwrap()).await;
            assert_eq!(addresses.ok().map(Iterator::count), found, "{host}");
        }
    }

    #[test]
    fn of_a_name_with_several_addresses_only_the_allowed_ones_are_connected_to() {
        let at = |address: &str| SocketAddr::new(address.parse().unwrap(), 443);
        let mixed = [at("169.254.169.254"), at("10.0.0.1"), at("fe80::1")];
        assert_eq!(allowed(mixed.into_iter()), Ok(vec![at("10.0.0.1")]));
        assert_eq!(allowed([at("169.254.169.254")].into_iter()), Err(Refused));
    }
}
