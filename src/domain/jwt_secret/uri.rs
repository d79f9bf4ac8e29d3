use std::net::Ipv6Addr;

/// Whether Hasura's URI parser (network-uri, RFC 3986 to the letter) accepts the text. The `url` crate is more lenient, so a
/// value that it likes can still stop Hasura.
pub(super) fn is_absolute_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (hierarchy, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match hierarchy.strip_prefix("//") {
        None => hierarchy,
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if !is_authority(authority) {
                return false;
            }
            path
        }
    };
    is_scheme(scheme)
        && made_of(path, b":@/")
        && made_of(query, b":@/?")
        && made_of(fragment, b":@/?")
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

fn is_authority(text: &str) -> bool {
    let (user, host_port) = text.rsplit_once('@').unwrap_or(("", text));
    let (host_is_valid, port) = match host_port.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
            None => return false,
        },
        None => {
            let (host, port) = host_port.split_at(host_port.find(':').unwrap_or(host_port.len()));
            (made_of(host, b""), port)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits,
        None if port.is_empty() => "",
        None => return false,
    };
    host_is_valid && made_of(user, b":") && port.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the text holds only unreserved characters, sub-delimiters, percent-encoded bytes, and the given ones.
fn made_of(text: &str, also: &[u8]) -> bool {
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [high, low, tail @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                tail
            }
            _ if byte.is_ascii_alphanumeric()
                || b"-._~!$&'()*+,;=".contains(&byte)
                || also.contains(&byte) =>
            {
                tail
            }
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_absolute_uri;

    #[test]
    fn what_hasura_takes_for_a_uri_is_taken() {
        for text in [
            "https://shop.example.com/v1/graphql",
            "https://auth.example.com:3001/oidc",
            "http://[::1]:3001/oidc/jwks",
            "urn:example:api",
            "https://user:pw@h/p?q=1/?#f",
            "https://h/a%20b",
            "x:",
            "https://",
        ] {
            assert!(is_absolute_uri(text), "{text}");
        }
    }

    #[test]
    fn what_hasura_does_not_take_for_a_uri_is_refused() {
        for text in [
            "no colon",
            "1a:b",
            ":b",
            "https://h/a b",
            "https://h/a|b",
            "https://h/%zz",
            "https://h/%2",
            "https://h/ä",
            "https://[::1/x",
            "https://[nope]/x",
            "https://[::1]x/y",
            "https://h:80a/",
            "https://h/a#b#c",
            "https://h/\"",
        ] {
            assert!(!is_absolute_uri(text), "{text}");
        }
    }
}
