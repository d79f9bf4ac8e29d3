//! Logto's address: an origin, and nothing else.

use std::fmt;

use url::{Host, Url};

use super::address::may_be_connected_to;

/// The origin of a Logto: `https://` (or `http://` where allowed), host and port, no path.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(Url);

/// Why a text is not an [`Endpoint`]. At most the origin of the text is repeated: what else it holds may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an absolute URL with a host.
    #[error(
        "is not a URL; write scheme, host and, if needed, port, like https://logto.example.com"
    )]
    NotAUrl,
    /// Neither https nor http.
    #[error("has a scheme other than https; write it like https://logto.example.com")]
    Scheme,
    /// http, which has to be allowed.
    #[error(
        "{origin} is plain http, over which credentials and keys can be read and changed on the way; use https, or set allowPlainHttp: true"
    )]
    PlainHttp {
        /// Scheme, host and port.
        origin: String,
    },
    /// A user name or password in the URL.
    #[error("holds a user name or password; write {origin} alone")]
    UserInfo {
        /// Scheme, host and port.
        origin: String,
    },
    /// A path at which something of Logto's is, a query or a fragment.
    #[error("holds a path, query or fragment; write {origin} alone")]
    NotAnOrigin {
        /// Scheme, host and port.
        origin: String,
    },
    /// A path under which Logto would have to be served.
    #[error(
        "holds a path below {origin}, and Logto below a path is not supported: Logto itself serves nothing there, \
         whatever path its ENDPOINT has. Give Logto a host name of its own and write that, like https://logto.example.com"
    )]
    BelowAPath {
        /// Scheme, host and port.
        origin: String,
    },
    /// An address that is never connected to.
    #[error(
        "{origin} is a link-local, metadata or multicast address, which is never connected to; name Logto's own host"
    )]
    ForbiddenAddress {
        /// Scheme, host and port.
        origin: String,
    },
}

impl Endpoint {
    /// Reads an origin; `http` only with `allow_plain_http`.
    ///
    /// # Errors
    /// When the text is anything but scheme, host and port, with or without one `/` at its end.
    pub fn parse(text: &str, allow_plain_http: bool) -> Result<Self, EndpointError> {
        // The URL standard drops white space and line breaks silently, also in the middle of a host.
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EndpointError::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| EndpointError::NotAUrl)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(EndpointError::Scheme);
        }
        let origin = url.origin().ascii_serialization();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::UserInfo { origin });
        }
        if url.path() != "/" && !is_of_logto(url.path()) {
            return Err(EndpointError::BelowAPath { origin });
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::NotAnOrigin { origin });
        }
        if url.scheme() == "http" && !allow_plain_http {
            return Err(EndpointError::PlainHttp { origin });
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        // A name is looked up, and judged, when a connection is made; an address never is looked up.
        if address.is_some_and(|address| !may_be_connected_to(address)) {
            return Err(EndpointError::ForbiddenAddress { origin });
        }
        Ok(Self(url))
    }

    /// The URL of an absolute path at this origin; `?` and `#` in the path are escaped.
    pub fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }

    /// The host, without the dot that may end a name.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        host.strip_suffix('.').unwrap_or(host).to_owned()
    }

    /// Whether it names a port other than the scheme's own.
    pub fn has_port(&self) -> bool {
        self.0.port().is_some()
    }

    /// Whether a URL has this scheme, host and port.
    pub fn same_origin(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }
}

/// Whether a path is one that Logto serves at its own host: somebody copied more than the origin.
fn is_of_logto(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    matches!(
        first,
        Some("oidc" | "api" | "console" | ".well-known" | "sign-in")
    )
}

/// Scheme, host and port, without a `/` at the end.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_with_and_without_a_slash_and_a_default_port() {
        let endpoint = Endpoint::parse("https://logto.example.com", false).unwrap();
        for same in [
            "https://logto.example.com/",
            "HTTPS://Logto.Example.com:443",
        ] {
            assert_eq!(Endpoint::parse(same, false).unwrap(), endpoint, "{same}");
        }
        assert_eq!(endpoint.to_string(), "https://logto.example.com");
        assert_eq!(
            endpoint.at("/api/roles").as_str(),
            "https://logto.example.com/api/roles"
        );
        assert_eq!(
            endpoint.at("/a?b#c").as_str(),
            "https://logto.example.com/a%3Fb%23c"
        );
    }

    #[test]
    fn only_the_same_scheme_host_and_port_are_the_same_origin() {
        let endpoint = Endpoint::parse("https://logto.example.com", false).unwrap();
        let same = |text: &str| endpoint.same_origin(&Url::parse(text).unwrap());
        assert!(same("https://logto.example.com:443/oidc/token"));
        for other in [
            "http://logto.example.com/oidc/token",
            "https://logto.example.com:8443/oidc/token",
            "https://logto.example.com.evil.example/oidc/token",
            "https://evil.example/logto.example.com",
        ] {
            assert!(!same(other), "{other}");
        }
    }

    #[test]
    fn plain_http_needs_to_be_allowed() {
        let refused = Endpoint::parse("http://logto:3001", false).unwrap_err();
        assert!(
            refused.to_string().contains("allowPlainHttp: true"),
            "{refused}"
        );
        assert_eq!(
            Endpoint::parse("http://logto:3001", true)
                .unwrap()
                .to_string(),
            "http://logto:3001"
        );
    }

    #[test]
    fn a_link_local_or_metadata_address_is_refused_however_it_is_written() {
        for host in [
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "169.254.43518",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "0.0.0.0",
            "[::]",
        ] {
            let refused = Endpoint::parse(&format!("http://{host}:80"), true).unwrap_err();
            let forbidden = matches!(refused, EndpointError::ForbiddenAddress { .. });
            assert!(forbidden, "{host}: {refused}");
        }
        for host in ["127.0.0.1", "[::1]", "10.0.0.1", "localhost"] {
            assert!(Endpoint::parse(&format!("https://{host}"), false).is_ok());
        }
    }

    #[test]
    fn logto_below_a_path_is_said_not_to_be_supported() {
        let refused = |text: &str| Endpoint::parse(text, false).unwrap_err().to_string();
        for text in [
            "https://example.com/auth",
            "https://example.com/auth/oidc?a=b",
        ] {
            let message = refused(text);
            assert!(
                message.contains("below a path is not supported")
                    && message.contains("host name of its own")
                    && !message.contains("alone"),
                "{message}"
            );
        }
        for text in [
            "https://example.com/oidc",
            "https://example.com/api/",
            "https://example.com/?a",
            "https://example.com/#a",
        ] {
            let message = refused(text);
            assert!(
                message.contains("write https://example.com alone"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_not_an_origin_is_refused_without_repeating_it() {
        for text in [
            "",
            "logto.example.com",
            "/hunter2",
            "https://",
            "ftp://hunter2.example",
            "https://logto.exa\nmple.com/hunter2",
            " https://logto.example.com",
            "https://hunter2:hunter2@logto.example.com",
            "https://logto.example.com/hunter2",
            "https://logto.example.com/?hunter2",
            "https://logto.example.com/#hunter2",
        ] {
            let refused = Endpoint::parse(text, true).unwrap_err();
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
            assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        }
    }
}
