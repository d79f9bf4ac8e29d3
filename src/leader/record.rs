//! What a Lease says, and whose turn it is; no I/O.

use std::time::{Duration, Instant};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// We hold it.
    Ours,
    /// Nobody holds it any more.
    Free,
    /// Somebody else does, whose name this is.
    Theirs(String),
}

/// What was last read of a lease, and since when it says so.
///
/// The end of somebody else's lease is counted from when its last change was seen here, never by the time that stands in
/// it, so clocks that differ do no harm (client-go does the same: `tools/leaderelection/leaderelection.go`).
#[derive(Clone, Debug)]
pub struct Seen {
    spec: LeaseSpec,
    since: Instant,
}

impl Seen {
    /// Notes what was read; the time starts over when it is not what was read before.
    pub fn note(before: Option<Self>, lease: &Lease, now: Instant) -> Self {
        let spec = lease.spec.clone().unwrap_or_default();
        let since = before
            .filter(|before| before.spec == spec)
            .map_or(now, |before| before.since);
        Self { spec, since }
    }

    /// How long it lasts when it is not renewed; `usual` is for a lease that does not say so.
    pub fn duration(&self, usual: Duration) -> Duration {
        let seconds = self.spec.lease_duration_seconds;
        seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(usual, Duration::from_secs)
    }

    /// Who is named as its holder; empty when nobody is.
    pub fn holder(&self) -> &str {
        self.spec.holder_identity.as_deref().unwrap_or_default()
    }

    /// Whose turn it is at this moment; `usual` is for a lease that does not say how long it lasts.
    pub fn turn(&self, me: &str, usual: Duration, now: Instant) -> Turn {
        let holder = self.holder();
        if holder.is_empty() {
            return Turn::Free;
        }
        if holder == me {
            return Turn::Ours;
        }
        if now.saturating_duration_since(self.since) >= self.duration(usual) {
            return Turn::Free;
        }
        Turn::Theirs(holder.to_owned())
    }
}

/// The lease as we hold it from now on. It keeps the resourceVersion that was read, so that only one of several wins.
pub fn held(lease: &Lease, me: &str, duration: Duration, now: jiff::Timestamp) -> Lease {
    let mut lease = lease.clone();
    let before = lease.spec.take().unwrap_or_default();
    let is_ours = before.holder_identity.as_deref() == Some(me);
    let transitions = before.lease_transitions.unwrap_or_default();
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: Some(whole_seconds(duration)),
        acquire_time: before
            .acquire_time
            .clone()
            .filter(|_| is_ours)
            .or(Some(MicroTime(now))),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions.saturating_add(i32::from(!is_ours))),
        ..before
    });
    lease
}

/// The lease given back: whoever reads it may take it at once.
pub fn released(lease: &Lease, now: jiff::Timestamp) -> Lease {
    let mut lease = lease.clone();
    let before = lease.spec.take().unwrap_or_default();
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(now)),
        ..before
    });
    lease
}

/// Rounded up: a lease never seems shorter to others than it is held to be here.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_secs(15);

    fn lease(holder: &str, renewed: i64) -> Lease {
        let now = jiff::Timestamp::from_second(renewed).unwrap();
        let free = Lease::default();
        held(&free, holder, USUAL, now)
    }

    #[test]
    fn a_lease_is_free_when_nobody_holds_it_or_nothing_was_heard_of_its_holder_for_its_whole_length()
     {
        let start = Instant::now();
        let none = Seen::note(None, &Lease::default(), start);
        assert_eq!(none.turn("me", USUAL, start), Turn::Free);

        let theirs = Turn::Theirs("other".to_owned());
        let seen = Seen::note(None, &lease("other", 100), start);
        assert_eq!(seen.turn("me", USUAL, start), theirs);
        let almost = start + USUAL - Duration::from_millis(1);
        let seen = Seen::note(Some(seen), &lease("other", 100), almost);
        assert_eq!(seen.turn("me", USUAL, almost), theirs);
        assert_eq!(seen.turn("me", USUAL, start + USUAL), Turn::Free);

        let renewed = Seen::note(Some(seen), &lease("other", 101), almost);
        assert_eq!(renewed.turn("me", USUAL, start + USUAL), theirs);
    }

    #[test]
    fn the_time_that_stands_in_a_lease_counts_for_nothing() {
        let start = Instant::now();
        for renewed in [0, 4_000_000_000] {
            let seen = Seen::note(None, &lease("other", renewed), start);
            let theirs = Turn::Theirs("other".to_owned());
            assert_eq!(seen.turn("me", USUAL, start), theirs);
            assert_eq!(seen.turn("me", USUAL, start + USUAL), Turn::Free);
        }
    }

    #[test]
    fn a_change_of_hands_is_counted_and_a_renewal_is_not() {
        let now = jiff::Timestamp::from_second(200).unwrap();
        let first = lease("a", 100);
        let renewed = held(&first, "a", USUAL, now).spec.unwrap();
        assert_eq!(renewed.lease_transitions, Some(1));
        assert_eq!(
            renewed.acquire_time,
            first.spec.as_ref().unwrap().acquire_time
        );
        assert_eq!(renewed.renew_time, Some(MicroTime(now)));
        let taken = held(&first, "b", USUAL, now).spec.unwrap();
        assert_eq!(taken.lease_transitions, Some(2));
        assert_eq!(taken.acquire_time, Some(MicroTime(now)));
    }

    #[test]
    fn a_lease_that_was_given_back_can_be_taken_at_once() {
        let start = Instant::now();
        let back = released(&lease("other", 100), jiff::Timestamp::now());
        let seen = Seen::note(None, &back, start);
        assert_eq!(seen.turn("me", USUAL, start), Turn::Free);
    }

    #[test]
    fn part_of_a_second_is_rounded_up() {
        assert_eq!(whole_seconds(Duration::from_millis(1500)), 2);
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(USUAL), 15);
    }
}
