//! Events: what happened to an object, where `kubectl describe` shows it.
//!
//! What repeats is counted in one Event, as kube's `Recorder` does. That one is not used because it keeps each event of six
//! minutes whole, 3 KB each, however many they are, and counts what differs in its note alone with the first, whose note people
//! then read (kube-runtime 5.0, `src/events.rs`).

use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    runtime::events::EventType,
};
use serde_json::json;

use super::registry::lock;
use crate::api::FIELD_MANAGER;

/// A repetition is counted with what it repeats for so long, as in client-go.
const REPEATS_WITHIN: Duration = Duration::from_secs(360);

/// Events that a repetition is looked for among; what comes back after more others is said anew.
const REMEMBERED: usize = 256;

/// The API server takes 1,024 bytes (kubernetes/kubernetes `pkg/apis/core/validation/events.go`).
const LONGEST_NOTE: usize = 1000;

/// With a dot and 16 digits behind it, an object's name is a name still.
const LONGEST_NAME: usize = 253 - 17;

/// Publishes events.
pub struct Events {
    client: Client,
    /// The newest last.
    lately: Mutex<VecDeque<Published>>,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Saying {
    uid: Option<String>,
    type_: EventType,
    reason: String,
    note: String,
}

struct Published {
    saying: Saying,
    name: String,
    count: i32,
    at: Instant,
}

impl Events {
    /// Nothing was said yet.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            lately: Mutex::default(),
        }
    }

    /// Publishes an event about an object; a long note is cut.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn publish(
        &self,
        regarding: ObjectReference,
        type_: EventType,
        reason: &str,
        note: &str,
    ) -> Result<(), kube::Error> {
        let saying = Saying {
            uid: regarding.uid.clone(),
            type_,
            reason: reason.to_owned(),
            note: note[..note.floor_char_boundary(LONGEST_NOTE)].to_owned(),
        };
        let namespace = regarding.namespace.as_deref().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        if let Some((name, count)) = self.take(&saying) {
            match count_again(&api, &name, count + 1).await {
                // Events are forgotten after an hour, or by somebody who cleans up.
                Err(kube::Error::Api(status)) if status.is_not_found() => {}
                result => {
                    result?;
                    self.remember(saying, name, count + 1);
                    return Ok(());
                }
            }
        }
        let event = event(regarding, &saying);
        let name = event.metadata.name.clone().unwrap_or_default();
        api.create(&PostParams::default(), &event).await?;
        self.remember(saying, name, 1);
        Ok(())
    }

    /// The name and the count of what was said lately in the same words, which is then to be remembered anew.
    fn take(&self, saying: &Saying) -> Option<(String, i32)> {
        let mut lately = lock(&self.lately);
        let place = lately.iter().position(|it| &it.saying == saying)?;
        let found = lately.remove(place)?;
        (found.at.elapsed() < REPEATS_WITHIN).then_some((found.name, found.count))
    }

    fn remember(&self, saying: Saying, name: String, count: i32) {
        let mut lately = lock(&self.lately);
        if lately.len() == REMEMBERED {
            lately.pop_front();
        }
        lately.push_back(Published {
            saying,
            name,
            count,
            at: Instant::now(),
        });
    }
}

async fn count_again(api: &Api<Event>, name: &str, count: i32) -> Result<(), kube::Error> {
    let series =
        json!({"series": {"count": count, "lastObservedTime": MicroTime(jiff::Timestamp::now())}});
    api.patch(name, &PatchParams::default(), &Patch::Merge(series))
        .await?;
    Ok(())
}

fn event(regarding: ObjectReference, saying: &Saying) -> Event {
    let now = jiff::Timestamp::now();
    let about = regarding.name.as_deref().unwrap_or_default();
    let about = &about[..about.floor_char_boundary(LONGEST_NAME)];
    // In the form of client-go, which people know. A dot or a dash before the dot would be no name.
    let name = format!(
        "{}.{:x}",
        about.trim_end_matches(['.', '-']),
        now.as_nanosecond()
    );
    Event {
        metadata: ObjectMeta {
            namespace: regarding.namespace.clone(),
            name: Some(name),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(FIELD_MANAGER.to_owned()),
        reporting_instance: Some(FIELD_MANAGER.to_owned()),
        action: Some("Reconcile".to_owned()),
        reason: Some(saying.reason.clone()),
        type_: Some(
            match saying.type_ {
                EventType::Normal => "Normal",
                EventType::Warning => "Warning",
            }
            .to_owned(),
        ),
        note: Some(saying.note.clone()),
        regarding: Some(regarding),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests;
