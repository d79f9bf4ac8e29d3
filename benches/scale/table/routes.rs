//! Requests by route.

use std::collections::BTreeSet;

use super::{Table, of};
use crate::{
    bed::instances,
    requests::{Counts, pages},
    size::Size,
};

/// A row for each route that was asked.
pub fn table(sizes: &[Size], counts: fn(&Size) -> &Counts) -> String {
    let routes: BTreeSet<&String> = sizes.iter().flat_map(|size| counts(size).keys()).collect();
    let mut table = Table::new(sizes);
    for route in routes {
        table.row(&format!("`{route}`"), |size| {
            cell(route, counts(size), size.bindings)
        });
    }
    table.text
}

fn cell(route: &str, counts: &Counts, bindings: usize) -> String {
    let count = of(counts, route);
    match least(route, bindings) {
        Some(least) => format!("{count} ({least})"),
        None => count.to_string(),
    }
}

/// The least that makes so many bindings in an empty tenant; of what depends on the time that it takes, none is said.
fn least(route: &str, bindings: usize) -> Option<usize> {
    Some(match route {
        "POST /api/resources" => instances(bindings),
        "POST /api/resources/:id/scopes" | "POST /api/roles" => bindings,
        "GET /api/resources" => 1,
        "GET /api/roles" => pages(0),
        "POST /oidc/token" | "GET /oidc/jwks" | "GET /oidc/.well-known/openid-configuration" => 1,
        _ => return None,
    })
}
