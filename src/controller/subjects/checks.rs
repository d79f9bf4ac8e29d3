//! When the subjects of each binding are to be looked at again. It is kept in memory, not in the status: a status could be
//! forged, and would be written each time.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::super::{registry::lock, visit::Next};

/// The next look at each binding's subjects, by the binding's uid.
#[derive(Default)]
pub struct Checks(Mutex<HashMap<String, Check>>);

/// What was looked at, and when to look again.
#[derive(Clone, Debug)]
pub struct Check {
    /// The generation of the binding's spec.
    pub generation: Option<i64>,
    /// The role's id.
    pub role: String,
    /// Whether somebody waits until the role holds no other scopes.
    pub held_back: bool,
    /// When to look again.
    pub due: Instant,
    /// The resync period.
    pub period: Duration,
}

/// Whether to look at the subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Something is new.
    Now,
    /// Nothing is new, but it is time.
    Again,
    /// Not yet.
    Later {
        /// Whether somebody waits until the role holds no other scopes.
        held_back: bool,
    },
}

impl Checks {
    /// Whether to look: at what is new at once, else when it is time. After a start the first looks at what the status
    /// calls `settled` are spread over a period.
    pub fn due(
        &self,
        uid: &str,
        expected: &Check,
        settled: bool,
        is_news: impl FnOnce(&Check) -> bool,
    ) -> Due {
        let mut checks = lock(&self.0);
        let Some(check) = checks.get(uid) else {
            if !settled {
                return Due::Now;
            }
            let check = Check {
                due: after(expected.period.mul_f64(rand::random())),
                ..expected.clone()
            };
            checks.insert(uid.to_owned(), check);
            return Due::Later { held_back: false };
        };
        let same = check.generation == expected.generation && check.role == expected.role;
        if !same || is_news(check) {
            Due::Now
        } else if check.due <= Instant::now() {
            Due::Again
        } else {
            Due::Later {
                held_back: check.held_back,
            }
        }
    }

    /// Notes a look.
    pub fn put(&self, uid: &str, check: Check) {
        lock(&self.0).insert(uid.to_owned(), check);
    }

    /// When the next look is due.
    pub fn next(&self, uid: &str) -> Next {
        let due = lock(&self.0).get(uid).map(|check| check.due);
        due.map_or(Next::Change, |due| {
            Next::After(due.saturating_duration_since(Instant::now()))
        })
    }

    /// Forgets a binding that is gone or has no subjects.
    pub fn forget(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}

/// So much later, more or less a tenth, so that bindings do not fall into step.
pub fn after(wait: Duration) -> Instant {
    Instant::now() + wait.mul_f64(rand::random_range(0.9..=1.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(600);

    fn check(due: Instant) -> Check {
        Check {
            generation: Some(1),
            role: "role".to_owned(),
            held_back: false,
            due,
            period: PERIOD,
        }
    }

    fn due(checks: &Checks, settled: bool, news: bool) -> Due {
        checks.due("uid", &check(Instant::now()), settled, |_| news)
    }

    #[test]
    fn what_is_new_is_looked_at_at_once_and_what_is_not_after_a_period() {
        let checks = Checks::default();
        assert_eq!(due(&checks, false, false), Due::Now);
        checks.put("uid", check(after(PERIOD)));
        assert_eq!(due(&checks, false, false), Due::Later { held_back: false });
        assert_eq!(due(&checks, true, true), Due::Now);
        let edited = Check {
            generation: Some(2),
            ..check(Instant::now())
        };
        assert_eq!(checks.due("uid", &edited, true, |_| false), Due::Now);
        let made_again = Check {
            role: "another".to_owned(),
            ..check(Instant::now())
        };
        assert_eq!(checks.due("uid", &made_again, true, |_| false), Due::Now);
        checks.put("uid", check(Instant::now()));
        assert_eq!(due(&checks, true, false), Due::Again);
    }

    #[test]
    fn after_a_start_the_first_looks_are_spread_over_a_period() {
        let waits: Vec<Duration> = (0..200)
            .map(|_| {
                let checks = Checks::default();
                assert_eq!(due(&checks, true, false), Due::Later { held_back: false });
                match checks.next("uid") {
                    Next::After(wait) => wait,
                    next => panic!("{next:?}"),
                }
            })
            .collect();
        let soon = waits.iter().filter(|wait| **wait < PERIOD / 2).count();
        assert!((50..150).contains(&soon), "{soon} of 200 in the first half");
        assert!(waits.iter().all(|wait| *wait <= PERIOD.mul_f64(1.1)));
    }
}
