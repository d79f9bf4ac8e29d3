//! Until when a fetched key set holds: `Cache-Control`, else `Expires`.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::header::{CACHE_CONTROL, EXPIRES, HeaderMap, HeaderName};

/// A header about expiry that can not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Not a list of directives, or an age that is no number.
    #[error("Failed parsing Cache-Control header from JWK response")]
    CacheControl,
    /// Not a time of RFC 1123.
    #[error(
        "Failed parsing Expires header from JWK response. Value of header is not a valid timestamp"
    )]
    Expires,
}

/// When the set is to be fetched again; nothing when no header says so.
///
/// # Errors
/// [`Unreadable`]; a broken Cache-Control does not make Expires count.
pub(crate) fn expiry(headers: &HeaderMap, now: Timestamp) -> Result<Option<Timestamp>, Unreadable> {
    if let Some(text) = text(headers, CACHE_CONTROL)
        && let Some(until) = from_cache_control(&text, now)?
    {
        return Ok(Some(until));
    }
    let Some(text) = text(headers, EXPIRES) else {
        return Ok(None);
    };
    DateTimeParser::new()
        .parse_timestamp(&text)
        .map(Some)
        .map_err(|_| Unreadable::Expires)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn from_cache_control(text: &str, now: Timestamp) -> Result<Option<Timestamp>, Unreadable> {
    let directives = directives(text).ok_or(Unreadable::CacheControl)?;
    let has = |name: &str| directives.iter().any(|(found, _)| found == name);
    let age = directives
        .iter()
        .find(|(name, _)| name == "max-age" || name == "s-maxage")
        .map(|(_, value)| value.parse::<u32>())
        .transpose()
        .map_err(|_| Unreadable::CacheControl)?;
    let until = age.map(|seconds| {
        let age = SignedDuration::from_secs(seconds.into());
        now.checked_add(age).unwrap_or(Timestamp::MAX)
    });
    Ok(if has("must-revalidate") {
        Some(until.unwrap_or(now))
    } else if has("no-cache") || has("no-store") {
        Some(now)
    } else {
        until
    })
}

/// The directives, each with its value, which is empty where there is none.
fn directives(text: &str) -> Option<Vec<(String, &str)>> {
    text.split(',')
        .map(|directive| {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let name = name.trim().to_lowercase();
            let is_token = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_!#$%&'*+.^`|~".contains(c));
            is_token.then(|| (name, value.trim().trim_matches('"')))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(headers: &[(HeaderName, &str)]) -> Result<Option<i64>, Unreadable> {
        let now = Timestamp::from_second(784_111_000).unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        let until = expiry(&headers, now)?;
        Ok(until.map(|until| until.as_second() - now.as_second()))
    }

    #[test]
    fn cache_control_says_how_long_keys_hold() {
        let vectors = [
            ("max-age=10", Some(10)),
            ("public, Max-Age=\"10\"", Some(10)),
            ("s-maxage=7", Some(7)),
            ("max-age=10, must-revalidate", Some(10)),
            ("must-revalidate", Some(0)),
            ("no-cache, max-age=10", Some(0)),
            ("no-store", Some(0)),
            // Logto 1.39 and later.
            ("no-cache, max-age=0, must-revalidate", Some(0)),
            ("public", None),
        ];
        for (text, expected) in vectors {
            assert_eq!(seconds(&[(CACHE_CONTROL, text)]), Ok(expected), "{text}");
        }
        for text in ["max-age=soon", "max-age", ",", "max age=1"] {
            let both = [
                (CACHE_CONTROL, text),
                (EXPIRES, "Sun, 06 Nov 1994 08:49:37 GMT"),
            ];
            assert_eq!(seconds(&both), Err(Unreadable::CacheControl), "{text}");
        }
    }

    #[test]
    fn expires_counts_where_cache_control_says_nothing() {
        let time = (EXPIRES, "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(seconds(std::slice::from_ref(&time)), Ok(Some(777)));
        assert_eq!(
            seconds(&[(CACHE_CONTROL, "public"), time.clone()]),
            Ok(Some(777))
        );
        assert_eq!(seconds(&[(CACHE_CONTROL, "max-age=1"), time]), Ok(Some(1)));
        assert_eq!(seconds(&[(EXPIRES, "0")]), Err(Unreadable::Expires));
        assert_eq!(seconds(&[]), Ok(None));
    }
}
