//! The header Retry-After, in seconds or as a date (RFC 9110, section 10.2.3).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Logto's core sends 429 without the header, and its Cloud counts over ten seconds
/// (<https://docs.logto.io/logto-cloud/system-limit>).
const WITHOUT_HEADER: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_secs(1);
/// A remote may not silence the operator for longer than this.
const LONGEST: Duration = Duration::from_secs(300);

/// How long to wait after a 429: what the header says, between 1 s and 5 min, and 10 s without a usable one.
pub(super) fn wait(header: Option<&str>, now: Timestamp) -> Duration {
    header
        .and_then(|text| seconds(text).or_else(|| until(text, now)))
        .unwrap_or(WITHOUT_HEADER)
        .clamp(SHORTEST, LONGEST)
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_secs)
}

fn until(text: &str, now: Timestamp) -> Option<Duration> {
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let left: SignedDuration = date.duration_since(now);
    Some(left.try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_honoured_and_capped_at_five_minutes() {
        let now: Timestamp = "2026-08-21T10:00:00Z".parse().unwrap();
        for (header, seconds) in [
            (Some("7"), 7),
            (Some("0"), 1),
            (Some("86400"), 300),
            (Some("Fri, 21 Aug 2026 10:00:42 GMT"), 42),
            (Some("Fri, 21 Aug 2026 09:00:00 GMT"), 1),
            (Some("Sat, 21 Aug 2027 10:00:00 GMT"), 300),
            (Some("-3"), 10),
            (Some("soon"), 10),
            (None, 10),
        ] {
            assert_eq!(
                wait(header, now),
                Duration::from_secs(seconds),
                "{header:?}"
            );
        }
    }
}
