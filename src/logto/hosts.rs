//! The hosts that tenants may name, as whoever runs the operator says.

use std::fmt;
use std::str::FromStr;

use super::Endpoint;

/// A host, or all hosts below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host alone.
    Exact(String),
    /// Every host whose name ends with this, which begins with a dot: not the domain itself.
    Below(String),
}

/// A text that is not a [`HostPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a host like logto.example.com, or *.example.com for all below a domain, without scheme and port"
)]
pub struct NotAHost;

impl FromStr for HostPattern {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let (host, below) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        // Through the same parser as endpoints, so that the two spell a host alike.
        let endpoint = Endpoint::parse(&format!("https://{host}"), false).map_err(|_| NotAHost)?;
        let parsed = endpoint.host();
        // The parser drops the scheme's own port and a slash without a word, and takes a `*` for a letter.
        let more = host.ends_with('/') || host.ends_with(":443") || host.ends_with(':');
        if more || endpoint.has_port() || host.contains('*') {
            return Err(NotAHost);
        }
        Ok(if below {
            Self::Below(format!(".{parsed}"))
        } else {
            Self::Exact(parsed)
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Below(domain) => write!(f, "*{domain}"),
        }
    }
}

/// The hosts that tenants may name; without any pattern, all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

impl AllowedHosts {
    /// Those of the patterns.
    pub fn new(patterns: Vec<HostPattern>) -> Self {
        Self(patterns)
    }

    /// Whether a tenant may name this endpoint.
    pub fn allow(&self, endpoint: &Endpoint) -> bool {
        let host = endpoint.host();
        self.0.is_empty()
            || self.0.iter().any(|pattern| match pattern {
                HostPattern::Exact(exact) => host == *exact,
                HostPattern::Below(domain) => host.ends_with(domain.as_str()),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(patterns: &[&str], host: &str) -> bool {
        let patterns = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let endpoint = Endpoint::parse(&format!("https://{host}"), false).unwrap();
        AllowedHosts::new(patterns).allow(&endpoint)
    }

    #[test]
    fn without_a_list_every_host_is_allowed_and_with_one_only_those_on_it() {
        assert!(allowed(&[], "anything.example"));
        let list = ["Logto.example.com", "*.logto.app", "10.0.0.1", "[fd00::1]"];
        for host in [
            "logto.example.com",
            "LOGTO.example.com:8443",
            "logto.example.com.",
            "abc.logto.app",
            "a.b.logto.app",
            "10.0.0.1",
            "[fd00:0::1]",
        ] {
            assert!(allowed(&list, host), "{host}");
        }
        for host in [
            "example.com",
            "x.logto.example.com",
            "logto.app",
            "evillogto.app",
            "logto.app.evil.example",
            "10.0.0.2",
        ] {
            assert!(!allowed(&list, host), "{host}");
        }
    }

    #[test]
    fn what_is_not_a_host_is_refused_with_an_example() {
        for text in [
            "",
            "*",
            "*.",
            "https://a.example",
            "a.example/",
            "a.example:443",
            "a.example:8443",
            "u@a.example",
            "a b",
            "169.254.169.254",
        ] {
            let refused = text.parse::<HostPattern>().unwrap_err();
            assert!(refused.to_string().contains("*.example.com"), "{text}");
        }
        assert_eq!(
            "*.A.example".parse::<HostPattern>().unwrap().to_string(),
            "*.a.example"
        );
    }
}
