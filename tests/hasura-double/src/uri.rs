//! RFC 3986, as strict as Haskell's `Network.URI.parseURI`: no URL library would do, since those repair what they read.

/// Whether the text is a URI with a scheme.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hierarchy, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path_is_fine = match hierarchy.strip_prefix("//") {
        Some(after) => {
            let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
            is_authority(authority) && has_only(path, ":@/")
        }
        None => has_only(hierarchy, ":@/"),
    };
    is_scheme(scheme) && path_is_fine && has_only(query, ":@/?") && has_only(fragment, ":@/?")
}

/// A JWT `StringOrURI`: any text, but one that holds a colon has to be a URI (RFC 7519 section 2).
pub(crate) fn is_string_or_uri(text: &str) -> bool {
    !text.contains(':') || is_uri(text)
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn is_authority(authority: &str) -> bool {
    let (user, host_and_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host_is_fine, port) = match host_and_port.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) => (address.parse::<std::net::Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let host = host_and_port.split(':').next().unwrap_or_default();
            (has_only(host, ""), &host_and_port[host.len()..])
        }
    };
    let port_is_fine = match port.strip_prefix(':') {
        Some(digits) => digits.chars().all(|c| c.is_ascii_digit()),
        None => port.is_empty(),
    };
    has_only(user, ":") && host_is_fine && port_is_fine
}

/// Whether the text holds unreserved characters, sub-delimiters, whole percent-escapes and the given ones only.
fn has_only(text: &str, also: &str) -> bool {
    let mut pieces = text.split('%');
    let first = pieces.next().unwrap_or_default();
    let plain = |piece: &str| {
        piece
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=".contains(c) || also.contains(c))
    };
    plain(first)
        && pieces.all(|piece| {
            piece
                .get(..2)
                .is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit()))
                && plain(&piece[2..])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_uri_is_told_from_what_only_looks_like_one() {
        for good in [
            "https://logto.example.com/oidc/jwks",
            "http://logto:3001/oidc/jwks?a=b/c#d",
            "https://user:pw@[::1]:8443/",
            "urn:example:api",
            "https://example.com/%7Euser",
            "https://example.com",
        ] {
            assert!(is_uri(good), "{good}");
        }
        for bad in [
            "",
            "logto.example.com/oidc",
            "/oidc/jwks",
            "1http://example.com",
            "https://example.com/a b",
            "https://example.com/%7",
            "https://example.com:port/",
            "https://[::1/",
            "https://example.com/ü",
            "https://example.com/#a#b",
            "https://example.com/a[0]",
        ] {
            assert!(!is_uri(bad), "{bad}");
        }
    }

    #[test]
    fn a_text_without_a_colon_is_a_fine_issuer() {
        assert!(is_string_or_uri("my issuer"));
        assert!(!is_string_or_uri("my issuer: 1"));
    }
}
