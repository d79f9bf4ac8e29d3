//! How often settings were put back that somebody else had changed or removed, so that two who insist do not roll a
//! Deployment for ever.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::registry::lock;

/// Turns that are taken within [`WINDOW`]; then it is given up.
pub const MOST_TURNS: usize = 5;

/// How long a turn counts.
const WINDOW: Duration = Duration::from_secs(600);

/// The fights of each instance, by its uid. They are kept in memory, and that one was given up is in the status too.
#[derive(Default)]
pub struct Fights(Mutex<HashMap<String, Fight>>);

#[derive(Default)]
struct Fight {
    generation: Option<i64>,
    turns: Vec<Instant>,
    given_up: bool,
}

impl Fights {
    /// Whether another turn may be taken; false once it is given up, until the spec changes.
    pub fn may_take_a_turn(&self, uid: &str, generation: Option<i64>) -> bool {
        self.may_take_a_turn_at(uid, generation, Instant::now())
    }

    /// Notes a turn that was taken. One that failed took nothing from anybody.
    pub fn took_a_turn(&self, uid: &str) {
        self.took_a_turn_at(uid, Instant::now());
    }

    /// Notes that a status says it was given up: a restart takes no turn more.
    pub fn gave_up(&self, uid: &str, generation: Option<i64>) {
        let mut fights = lock(&self.0);
        let fight = fights.entry(uid.to_owned()).or_default();
        if fight.generation != generation {
            *fight = Fight {
                generation,
                ..Fight::default()
            };
        }
        fight.given_up = true;
    }

    fn took_a_turn_at(&self, uid: &str, now: Instant) {
        if let Some(fight) = lock(&self.0).get_mut(uid) {
            fight.turns.push(now);
        }
    }

    fn may_take_a_turn_at(&self, uid: &str, generation: Option<i64>, now: Instant) -> bool {
        let mut fights = lock(&self.0);
        let fight = fights.entry(uid.to_owned()).or_default();
        if fight.generation != generation {
            *fight = Fight {
                generation,
                ..Fight::default()
            };
        }
        fight
            .turns
            .retain(|turn| now.saturating_duration_since(*turn) < WINDOW);
        fight.given_up |= fight.turns.len() >= MOST_TURNS;
        !fight.given_up
    }

    /// Forgets an instance that is gone, or that somebody asked to look at anew.
    pub fn forget(&self, uid: &str) {
        lock(&self.0).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(fights: &Fights, generation: i64, now: Instant) -> bool {
        let may = fights.may_take_a_turn_at("a", Some(generation), now);
        if may {
            fights.took_a_turn_at("a", now);
        }
        may
    }

    #[test]
    fn five_turns_in_ten_minutes_are_taken_and_no_sixth_until_the_spec_changes() {
        let (fights, start) = (Fights::default(), Instant::now());
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        for minute in 0..5 {
            assert!(turn(&fights, 1, at(minute)), "turn {minute}");
        }
        assert!(!turn(&fights, 1, at(5)));
        // Given up is given up, however long ago the turns were.
        assert!(!turn(&fights, 1, at(60)));
        assert!(turn(&fights, 2, at(61)));
        assert!(fights.may_take_a_turn("b", Some(1)));
    }

    #[test]
    fn turns_that_are_far_apart_are_no_fight() {
        let (fights, start) = (Fights::default(), Instant::now());
        for number in 0..20 {
            let now = start + Duration::from_secs(180 * number);
            assert!(turn(&fights, 1, now), "turn {number}");
        }
    }

    #[test]
    fn a_fight_that_a_status_gave_up_stays_given_up_until_the_spec_changes() {
        let fights = Fights::default();
        fights.gave_up("a", Some(3));
        assert!(!fights.may_take_a_turn("a", Some(3)));
        assert!(fights.may_take_a_turn("a", Some(4)));
    }

    #[test]
    fn asked_to_look_anew_it_tries_again() {
        let (fights, now) = (Fights::default(), Instant::now());
        while turn(&fights, 1, now) {}
        fights.forget("a");
        assert!(turn(&fights, 1, now));
    }
}
