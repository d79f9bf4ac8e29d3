//! How many requests Logto got, beside the least possible.

use std::{collections::BTreeMap, io};

use crate::{screen::Screen, stage::Stage};

/// Requests by method and route.
pub type Counts = BTreeMap<String, u64>;

/// Shows the counts until all was Ready and since then.
pub fn show(screen: &Screen, stage: &Stage, until_ready: &Counts) -> io::Result<()> {
    let now = stage.logto.requests();
    screen.quote(&format!("{until_ready:#?}"))?;
    screen.quote(&format!("{now:#?}"))?;
    screen.quote(&stage.logto.last_requests(200).join("\n"))
}
