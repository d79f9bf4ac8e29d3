//! Requests to Logto beside the least possible, and writes to the API server.

use std::collections::BTreeMap;

use anyhow::Context;
use kube::Client;

use crate::bed::instances;

/// Rows of a page, Logto's most.
const PAGE: usize = 100;

/// A dry run: a POST that writes nothing.
const DRY_RUN: &str = "POST /api/configs/jwt-customizer/test";

/// Requests by route.
pub type Counts = BTreeMap<String, u64>;

/// Those that write.
pub fn writes(counts: &Counts) -> u64 {
    let is_write =
        |route: &str| !route.starts_with("GET ") && route != DRY_RUN && route.contains(" /api/");
    let writes = counts.iter().filter(|(route, _)| is_write(route));
    writes.map(|(_, count)| count).sum()
}

/// Those that write the Custom JWT script.
pub fn script_writes(counts: &Counts) -> u64 {
    let is_script = |route: &str| {
        route.contains("/jwt-customizer") && route != DRY_RUN && !route.starts_with("GET ")
    };
    let writes = counts.iter().filter(|(route, _)| is_script(route));
    writes.map(|(_, count)| count).sum()
}

/// The fewest writes that make so many bindings.
pub fn least_writes(bindings: usize) -> usize {
    2 * bindings + instances(bindings)
}

/// The fewest reads of a comparison: one for all resources with their scopes, and the pages of roles.
pub fn least_listing(bindings: usize) -> usize {
    1 + pages(bindings)
}

/// Pages of roles.
pub fn pages(bindings: usize) -> usize {
    // Logto has a role of its own in the list, for access to the Management API.
    (bindings + 1).div_ceil(PAGE)
}

/// A count of requests.
pub fn of(counts: &Counts, route: &str) -> u64 {
    counts.get(route).copied().unwrap_or_default()
}

/// What was written to the API server since it was started, by verb and resource, as it counts itself. Only what the
/// operator may write is counted, but leases, of which the API server has one of its own.
pub async fn api_server_writes(client: &Client) -> anyhow::Result<Counts> {
    let request = http::Request::get("/metrics").body(Vec::new())?;
    let text = client.request_text(request).await?;
    let mut counts = Counts::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("apiserver_request_total{") else {
            continue;
        };
        let (labels, value) = rest.rsplit_once("} ").context("a metric")?;
        let label = |name: &str| {
            let start = format!("{name}=\"");
            let of_name = labels
                .split(',')
                .find_map(|label| label.strip_prefix(&start));
            of_name
                .map(|value| value.trim_end_matches('"'))
                .unwrap_or_default()
        };
        let is_write = ["POST", "PUT", "PATCH", "APPLY", "DELETE"].contains(&label("verb"));
        let may_be_ours = label("group") == "logto-hasura.dev"
            || ["configmaps", "events"].contains(&label("resource"));
        if is_write && may_be_ours && label("dry_run").is_empty() {
            let part = match label("subresource") {
                "" => String::new(),
                part => format!("/{part}"),
            };
            let key = format!("{} {}{part}", label("verb"), label("resource"));
            *counts.entry(key).or_default() += value.parse::<f64>()? as u64;
        }
    }
    Ok(counts)
}

/// What came between two looks.
pub fn since(before: &Counts, after: &Counts) -> Counts {
    let more = |(key, count): (&String, &u64)| {
        let more = count - before.get(key).copied().unwrap_or_default();
        (more > 0).then(|| (key.clone(), more))
    };
    after.iter().filter_map(more).collect()
}

/// All of them.
pub fn total(counts: &Counts) -> u64 {
    counts.values().sum()
}
