//! The three kinds as a real API server takes or refuses them: no operator runs here, only schema and rules.
//!
//! A row of a table changes one thing of a good object, so that nothing else can be what it is refused or taken for.

mod binding;
mod claims;
mod consent;
mod delivery;
mod discovery;
mod good;
mod indicator;
mod instance;
mod keys;
mod object;
mod policy;
mod refusal;
mod server;
mod status;
mod status_lists;
mod status_plan;
mod status_rows;
mod stored;
mod subject;
mod table;
mod tenant;
mod texts;
mod updates;
mod webhook;

use crate::suite::Test;

pub fn tests() -> Vec<Test> {
    let mut tests = table::tests();
    tests.extend(stored::tests());
    tests.extend(updates::tests());
    tests.extend(webhook::tests());
    tests.extend(consent::tests());
    tests.extend(delivery::tests());
    tests.extend(status::tests());
    tests.extend(discovery::tests());
    tests
}
