//! How many requests Logto got, beside the least possible.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::{screen::Screen, stage::Stage};

/// Requests by method and route.
pub type Counts = BTreeMap<String, u64>;

/// What a route is needed for.
struct Need {
    route: &'static str,
    /// No way to the same end takes fewer.
    least: u64,
    why: &'static str,
}

/// Shows the counts until all was Ready, and those since then.
pub fn show(screen: &Screen, stage: &Stage, until_ready: &Counts) -> Result<()> {
    let now = stage.logto.requests();
    let mut since = now.clone();
    for (route, count) in until_ready {
        let more = since.get(route).copied().unwrap_or_default() - count;
        since.insert(route.clone(), more);
    }
    since.retain(|_, count| *count > 0);

    screen.quote("From nothing until all was Ready:")?;
    table(screen, &to_be_ready(stage), until_ready)?;
    screen.gap()?;
    screen.quote("From then until now, with two sign-ins and the deleted role made again:")?;
    table(screen, &to_mend(), &since)?;
    screen.aside("The least for the role is one read that misses it and one write.")?;
    screen.gap()?;
    let (requests, writes) = (now.values().sum::<u64>(), stage.logto.writes());
    Ok(screen.quote(&format!(
        "So far {requests} requests, of which {writes} changed something in Logto."
    ))?)
}

fn to_be_ready(stage: &Stage) -> Vec<Need> {
    let of_kind = |kind: &str| {
        let kind = kind.to_owned();
        stage
            .applied
            .iter()
            .filter(move |manifest| manifest.kind() == kind)
    };
    let bindings = of_kind("HasuraRoleBinding").map(|_| 1).sum();
    let instances = of_kind("HasuraInstance").map(|_| 1).sum();
    let pods: u64 = of_kind("Deployment")
        .filter_map(|manifest| manifest.object["spec"]["replicas"].as_u64())
        .sum();
    let need = |route, least, why| Need { route, least, why };
    vec![
        need(
            "GET /oidc/.well-known/openid-configuration",
            1,
            "where the tokens and the keys are is what Logto says",
        ),
        need("POST /oidc/token", 1, "one token does for an hour"),
        need(
            "GET /api/resources",
            1,
            "one list with all scopes, which also shows that the resource is absent",
        ),
        need("GET /api/roles", 1, "one page of 100"),
        need("POST /api/resources", instances, "one for each instance"),
        need(
            "POST /api/resources/:id/scopes",
            bindings,
            "one for each binding",
        ),
        need(
            "POST /api/roles",
            bindings,
            "one for each binding, its scope in the same request",
        ),
        need(
            "GET /oidc/jwks",
            2 * pods + instances,
            "each new pod twice, since Hasura forgets the first answer; the operator before it sends them there, and when it connects",
        ),
        need(
            "GET /api/configs/jwt-customizer",
            2,
            "the script as it is when the operator connects, right before the write, and read back after it",
        ),
        need(
            "POST /api/configs/jwt-customizer/test",
            3 * instances,
            "dry runs: the instance's claims of somebody with all roles, with none, and of a third party",
        ),
        need(
            "PUT /api/configs/jwt-customizer/:tokenTypePath",
            1,
            "the script with the data of all instances; bindings that come together share a write",
        ),
        need(
            "GET /api/roles/:id/scopes",
            0,
            "a resync came meanwhile: it reads what each role holds",
        ),
    ]
}

/// A resync comes upon the drift by its list or by its reads of single roles, whichever is first.
fn to_mend() -> Vec<Need> {
    let need = |route, least, why| Need { route, least, why };
    vec![
        need(
            "GET /api/roles/:id/scopes",
            1,
            "what a role holds is read once in a resync period; 404 when it is gone",
        ),
        need("GET /api/resources", 0, "a resync lists the tenant"),
        need("GET /api/roles", 0, "a resync lists the tenant"),
        need(
            "GET /api/roles/:id",
            0,
            "a page may miss a row: only this says that a role is gone",
        ),
        need(
            "POST /api/roles",
            1,
            "the role again, its scope in the same request",
        ),
        need("POST /oidc/token", 2, "alice and bob sign in"),
        need(
            "GET /api/configs/jwt-customizer",
            0,
            "a resync looks whether the script was edited",
        ),
        need(
            "GET /oidc/jwks",
            0,
            "a resync looks whether the keys changed",
        ),
        need(
            "GET /oidc/.well-known/openid-configuration",
            0,
            "a resync looks whether issuer and addresses changed",
        ),
    ]
}

fn table(screen: &Screen, needs: &[Need], sent: &Counts) -> Result<()> {
    let count = |route: &str| sent.get(route).copied().unwrap_or_default();
    let row = |route: &str, sent: u64, least: u64, why: &str| {
        vec![
            route.to_owned(),
            sent.to_string(),
            least.to_string(),
            why.to_owned(),
        ]
    };
    let mut rows: Vec<_> = needs
        .iter()
        .filter(|need| need.least > 0 || count(need.route) > 0)
        .map(|need| row(need.route, count(need.route), need.least, need.why))
        .collect();
    let others = sent
        .iter()
        .filter(|(route, _)| needs.iter().all(|need| need.route != route.as_str()));
    rows.extend(others.map(|(route, sent)| row(route, *sent, 0, "")));
    let least = needs.iter().map(|need| need.least).sum();
    rows.push(row("together", sent.values().sum(), least, ""));
    let header = ["ROUTE", "SENT", "LEAST", "WHY"].map(str::to_owned);
    Ok(screen.table(&header, &rows)?)
}
