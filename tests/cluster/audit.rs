//! What the API server noted of the operators: its audit log.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    time::SystemTime,
};

use anyhow::Context;
use control_plane::ControlPlane;
use jiff::Timestamp;
use serde_json::Value;

/// An answer to a service account.
#[derive(Debug)]
pub struct Answered {
    pub verb: String,
    pub group: String,
    /// With its subresource after a slash.
    pub resource: String,
    uri: String,
    code: u64,
    message: String,
    received: SystemTime,
}

/// All that was answered to a user.
pub fn answered(log: &Path, user: &str) -> anyhow::Result<Vec<Answered>> {
    read(log, &[&of_user(user)])
}

/// What was refused to a user: how often, and one example for each verb and resource.
pub fn refused(control_plane: &ControlPlane, user: &str) -> anyhow::Result<Vec<String>> {
    let log = control_plane.audit_log();
    let mut all = read(&log, &[&of_user(user), "\"code\":403"])?;
    all.retain(|answered| {
        answered.is_refused() && !control_plane.was_restarting(answered.received)
    });
    let kind = |it: &Answered| (it.verb.clone(), it.resource.clone());
    all.sort_by_key(kind);
    let kinds = all.chunk_by(|one, another| kind(one) == kind(another));
    let line = |same: &[Answered]| {
        let (
            count,
            Answered {
                verb, uri, message, ..
            },
        ) = (same.len(), &same[0]);
        format!("{count} × such as {verb} {uri}: {message}")
    };
    Ok(kinds.map(line).collect())
}

impl Answered {
    /// Whether a right is missing, or a policy says no. That nothing can be made in a namespace that ends says nothing of it.
    pub fn is_refused(&self) -> bool {
        self.code == 403 && !self.message.contains("because it is being terminated")
    }
}

fn of_user(user: &str) -> String {
    format!("\"username\":\"{user}\"")
}

/// The answers in lines that contain these texts.
fn read(log: &Path, texts: &[&str]) -> anyhow::Result<Vec<Answered>> {
    let file = File::open(log).with_context(|| format!("the audit log {}", log.display()))?;
    let mut all = Vec::new();
    for line in BufReader::new(file).lines() {
        let line = line?;
        // A line that is being written is no JSON yet.
        if texts.iter().all(|text| line.contains(text))
            && let Ok(event) = serde_json::from_str::<Value>(&line)
        {
            all.push(of(&event)?);
        }
    }
    Ok(all)
}

fn of(event: &Value) -> anyhow::Result<Answered> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    let resource = match object["subresource"].as_str() {
        Some(subresource) => format!("{}/{subresource}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    let received: Timestamp = text(&event["requestReceivedTimestamp"]).parse()?;
    Ok(Answered {
        verb: text(&event["verb"]),
        group: text(&object["apiGroup"]),
        resource,
        uri: text(&event["requestURI"]),
        code: event["responseStatus"]["code"].as_u64().unwrap_or_default(),
        message: text(&event["responseStatus"]["message"]),
        received: received.into(),
    })
}
