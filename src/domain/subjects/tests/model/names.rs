//! Sequences in which a name of the spec passes to somebody else, who must not be given the role.

use Crash::{AfterRecording, Never};
use Event::{Delete, HoldBack, LoseRole, Register, Rename, Visit};

use super::*;

/// Bob is given the role and passes his name on; the role is lost twice, with looks between.
#[test]
fn a_role_lost_twice_is_not_given_to_an_account_that_took_the_name_of_a_deleted_one() {
    let world = happened([
        Visit(Never),
        Event::Name(1),
        Register(1),
        Visit(Never),
        Delete(0),
        Register(0),
        Register(1),
        LoseRole,
        Visit(Never),
        LoseRole,
        Visit(Never),
    ]);
    assert_eq!(world.rows[0].state, Renamed);
    assert!(world.holders.is_empty());
}

#[test]
fn a_role_lost_twice_is_not_given_to_an_account_that_took_the_name_of_a_renamed_one() {
    let world = happened([
        Register(1),
        Visit(AfterRecording),
        Event::Name(1),
        Visit(Never),
        Rename(0, 0),
        LoseRole,
        Register(1),
        Visit(AfterRecording),
        LoseRole,
        Visit(Never),
    ]);
    assert_eq!(world.rows[0].state, Renamed);
    assert!(world.holders.is_empty());
}

/// With a first look of its own, after a crash, and with an address that passes on.
#[test]
fn an_account_that_takes_a_name_while_nobody_may_be_given_the_role_is_not_given_it_later() {
    let waiting = |named: usize, before: &[Event]| {
        let before = before.iter().cloned();
        let then = [
            HoldBack,
            Event::Name(named),
            Visit(Never),
            Delete(0),
            Register(1),
        ];
        let then = then.into_iter().chain([HoldBack, Visit(Never)]);
        happened(
            [Register(2), Register(1), Delete(0)]
                .into_iter()
                .chain(before)
                .chain(then),
        )
    };
    for named in [1, 4] {
        for before in [
            &[][..],
            &[Visit(Never)],
            &[Event::Name(named), Visit(AfterRecording)],
        ] {
            let world = waiting(named, before);
            assert!(world.holders.is_empty(), "{:?}", world.rows);
        }
    }
}
